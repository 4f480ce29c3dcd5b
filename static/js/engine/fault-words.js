const REFUSED = "The storage refuses requests from this site.";
const BLOCKED = "The browser blocks requests to the storage.";
const AWAY = "This browser cannot reach the storage.";

/**
 * The texts of each cause: a sentence for the person, and an explanation for the administrator.
 *
 * @type {Record<string, [string, string]>}
 */
const WORDS = {
  cors_no_rule: [REFUSED, "the bucket has no CORS rule for {site}"],
  cors_origin_missing: [REFUSED, "no CORS rule of the bucket allows the origin {site}"],
  cors_origin_differs: [REFUSED, "the CORS rule contains the origin in another spelling than {site}"],
  cors_headers: [REFUSED, "the bucket's CORS rule does not allow a header of the upload (AllowedHeaders)"],
  cors_method: [REFUSED, "the bucket's CORS rule does not allow the method PUT (AllowedMethods)"],
  cors_multiple: [REFUSED, "the storage and a proxy both add CORS headers"],
  cors_unsupported: [REFUSED, "the storage does not support CORS rules for a single bucket; allow {site} for all buckets of the storage"],
  cors_not_passed_on: [REFUSED, "a proxy in front of the storage does not forward preflights (OPTIONS)"],
  policy: [BLOCKED, "the Content-Security-Policy of this page does not allow the bucket (connect-src)"],
  mixed_content: [BLOCKED, "this page uses https, but the storage uses http; the storage needs TLS"],
  body_limit: ["A proxy refused a request, because the request was too large.", "a proxy in front of the storage limits the size of a request (413)"],
  clock: [REFUSED, "the clocks of this site's server and of the storage differ too much"],
  region: [REFUSED, "the region is wrong (S3_REGION)"],
  redirect: [REFUSED, "the storage redirects to another address; check S3_REGION and S3_PUBLIC_ENDPOINT_URL"],
  no_bucket: [REFUSED, "the bucket does not exist"],
  access_key: [REFUSED, "the storage does not know the access key"],
  signature: [REFUSED, "the signature is wrong; the secret key is wrong, or a proxy changes the request"],
  expired_credentials: [REFUSED, "the S3 credentials of this site have expired"],
  denied: [REFUSED, "the storage denies access to the signer identity (AccessDenied)"],
  refused: [REFUSED, "the storage refused a request that the site had signed"],
  storage_error: ["The storage answers with an error.", "the storage or a proxy in front of it answers 5xx"],
  certificate: [AWAY, "the certificate of the storage is not trusted (TLS)"],
  unknown_host: [AWAY, "the host name of the storage is unknown (DNS)"],
  no_answer: [AWAY, "the storage does not answer this site's server either"],
  unreachable: [AWAY, "this site's server reaches the storage, but this browser does not; check the firewall, S3_PUBLIC_ENDPOINT_URL and the certificate"],
};

/** Causes for which the browser itself blocks the requests. After a fix, the person must also reload the page. */
const NEED_NEW_PAGE = new Set(["policy", "mixed_content"]);

/**
 * Return the sentences that tell the person and the administrator about the causes.
 *
 * @param {string[]} faults codes of causes
 * @param {string} site the page's own origin
 */
export function reasonOf(faults, site) {
  // The server may be newer than this page, and may send codes that this page does not know. Show such a code itself.
  const known = faults.map((fault) => WORDS[fault] ?? [REFUSED, fault]);
  const sentences = [...new Set(known.map(([sentence]) => sentence))].join(" ");
  const causes = known.map(([, cause]) => cause.replace("{site}", site)).join("; and ");
  return `${sentences} Tell your administrator: ${causes}.`;
}

/**
 * Return a sentence that tells the person what happens after the fix.
 *
 * @param {string[]} faults codes of causes
 */
export function adviceOf(faults) {
  return faults.some((fault) => NEED_NEW_PAGE.has(fault))
    ? "When the problem is fixed, reload this page."
    : "When the problem is fixed, the upload continues automatically.";
}
