/* Bundle the scripts of static/js/ into static/build/, and copy the fonts there. */
import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import { cp, mkdir, rm } from "node:fs/promises";

const here = fileURLToPath(new URL(".", import.meta.url));
const outdir = fileURLToPath(new URL("../build", import.meta.url));

const common = {
  bundle: true,
  minify: true,
  sourcemap: true,
  legalComments: "linked",
  target: "es2022",
  absWorkingDir: here,
  outdir,
  logLevel: "info",
};

const inter = fileURLToPath(new URL("../../node_modules/@fontsource-variable/inter/", import.meta.url));
const fonts = { "inter-latin": "latin-wght-normal", "inter-latin-ext": "latin-ext-wght-normal" };

await rm(outdir, { recursive: true, force: true });
await mkdir(`${outdir}/fonts`, { recursive: true });
for (const [name, source] of Object.entries(fonts)) {
  await cp(`${inter}files/inter-${source}.woff2`, `${outdir}/fonts/${name}.woff2`);
}
await cp(`${inter}LICENSE`, `${outdir}/fonts/LICENSE`);
await Promise.all([
  build({
    ...common,
    entryPoints: ["main.js", "shell.js", "logout.js", "passkeys.js", "doctor.js"],
    format: "esm",
    loader: { ".svg": "text", ".woff2": "file" },
  }),
  // The workers are classic scripts, not modules. The page contains their URLs, because Django adds hashes to names.
  build({
    ...common,
    entryPoints: { "checksum-worker": "engine/checksum-worker.js", "thumbnail-worker": "page/thumbnail-worker.js" },
    format: "iife",
  }),
]);
