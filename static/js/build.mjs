/* Bundle the browser side: static/js/main.js, shell.js, logout.js, passkeys.js and doctor.js with what they import, and the checksum worker, to static/build/, with the fonts. */
import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import { cp, mkdir, readFile, rm } from "node:fs/promises";

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

/* Uppy's file list shows an empty file's size as a bare "0". */
const emptyFiles = {
  name: "empty-files",
  setup({ onLoad }) {
    onLoad({ filter: /dashboard\/lib\/components\/FileItem\/FileInfo\/index\.js$/ }, async ({ path }) => {
      const code = await readFile(path, "utf8");
      const contents = code.replace("props.file.size && (", "props.file.size !== null && (");
      if (contents === code) throw new Error(`${path} is not as expected: look at the patch in build.mjs.`);
      return { contents };
    });
  },
};

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
    plugins: [emptyFiles],
    alias: { "@transloadit/prettier-bytes": "./page/prettier-bytes.js" },
  }),
  // A classic script under a stable name: the page hands its URL, hashed or not, to the engine.
  build({ ...common, entryPoints: { "checksum-worker": "engine/checksum-worker.js" }, format: "iife" }),
]);
