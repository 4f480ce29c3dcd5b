/*
 * Runs Uppy Companion (Uppy's own server) with its S3 endpoints. bench/batches.py starts it.
 *
 * usage: node companion.mjs PORT ENDPOINT BUCKET KEY SECRET
 */
import * as companion from "@uppy/companion";
import express from "express";

const [port, endpoint, bucket, key, secret] = process.argv.slice(2);
const app = express();
app.use(express.json());
const { app: routes } = companion.app({
  server: { host: `127.0.0.1:${port}`, protocol: "http" },
  filePath: "/tmp",
  secret: "bench",
  uploadUrls: [endpoint],
  corsOrigins: true,
  metrics: false,
  s3: { endpoint, bucket, key, secret, region: "us-east-1", forcePathStyle: true, expires: 900 },
});
app.use(routes);
app.listen(Number(port), "127.0.0.1");
