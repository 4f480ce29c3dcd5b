/** Stands in for Uppy's own sizes, which count in 1024s: one page must not name two sizes for one file. */
export { formatBytes as prettierBytes } from "./format.js";
