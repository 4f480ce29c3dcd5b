import { Clock } from "../engine/clock.js";
import { FileList } from "./file-list.js";
import { Inquiry } from "../engine/inquiry.js";
import { KeptFiles } from "./kept-files.js";
import { KeptStore } from "./kept-store.js";
import { LineMemory } from "./line-memory.js";
import { Menu } from "./menu.js";
import { Notices } from "./notices.js";
import { OtherTabs } from "./picker/other-tabs.js";
import { QuotaMeter } from "./quota-meter.js";
import { Session } from "./session.js";
import { Announcer } from "./announcer.js";
import { Tabs } from "./tabs.js";
import { Transfers } from "./transfers.js";
import { Unfinished } from "./unfinished.js";
import { UploadArea } from "./upload-area.js";
import { acceptAnywhere } from "./drop-anywhere.js";
import { byId, csrfToken, readPageData } from "./page-data.js";
import { createEngine } from "../engine/engine.js";
import { createThumbnails } from "./thumbnails.js";
import { describePolicy, refusal } from "./policy.js";
import { fileActions } from "./file-actions.js";
import { handleOf } from "./file-handles.js";
import { guardLeaving } from "../engine/leaving-guard.js";
import { keepAwake } from "../engine/wake-lock.js";
import { onLogout } from "./logout-channel.js";
import { plural } from "./format.js";
import { serviceOf } from "../engine/time-limit.js";
import { watchPolicy } from "./violations.js";

const REFRESH_AFTER_MS = 30_000;
const MOST_PICTURES = 50;

/** Start the scripts of the files page. */
export function startPage() {
  const data = readPageData();
  const inquiry = new Inquiry({
    report: (report) => engine.api.reportFault(report),
    clock: new Clock(),
    page: { origin: location.origin, forbids: watchPolicy(document) },
  });
  const engine = createEngine({
    inquiry,
    csrfToken: () => csrfToken(data.csrfCookie),
    user: data.user,
    putLimit: data.putLimit,
    hosts: data.bucketHosts,
    workerUrl: document.body.dataset.checksumWorker,
    checksumAlgorithm: data.checksumAlgorithm,
    usesForms: data.usesForms,
    lineMemory: new LineMemory(serviceOf(() => localStorage)),
    restrictsTypes: () => !data.policy.allowed_content_types.includes("*/*"),
    isWatched: () => !document.hidden,
  });
  guardLeaving(window, engine);
  keepAwake(document, navigator, engine);
  const tabs = new Tabs(serviceOf(() => navigator.locks));
  const store = new KeptStore(serviceOf(() => indexedDB));
  const keptFiles = new KeptFiles({ store, tabs, owner: data.username, handleOf });
  tabs.follow(engine);
  keptFiles.follow(engine);
  const notices = new Notices(byId("notices"));
  const quota = new QuotaMeter(byId("quota"), data.quota, async () => (await engine.api.me()).quota, {
    isUploading: () => engine.active,
    onChange: () => area.render(), // the chosen files may fit now
  });
  const transfers = new Transfers(engine);
  const announcer = new Announcer(byId("announcements"));
  const thumbnails = createThumbnails(document.body.dataset.thumbnailWorker);
  const area = new UploadArea({
    engine,
    inquiry,
    transfers,
    thumbnails,
    quota,
    notices,
    announcer,
    policy: () => data.policy,
    note: describePolicy(data.policy, data.quota.limit_bytes),
    admission: {
      refusal: (file) => refusal(file, data.policy),
      divert: (file, path) => unfinished.take(file, path),
      otherTabs: new OtherTabs({ tabs, user: data.user, sending: (key) => transfers.sending(key) }),
    },
    onFailuresShown: (ids) => list.leaveReasonsOut(ids),
  });

  const session = new Session({
    username: data.username,
    whoami: () => engine.api.whoami(),
    onBack: () => {
      store.reopen();
      for (const transfer of transfers.list()) if (transfer.code === "not_authenticated") transfer.retry();
      void list.load();
      void unfinished.load();
      quota.refresh();
    },
  });
  // After a logout in another tab, hide all file names, and delete the files that this browser keeps.
  onLogout((tab) => {
    // logout.js also runs in this tab, so the message may come from this tab.
    if (tab !== document.body.dataset.tab) session.leave();
    void store.shut();
  });
  const menu = new Menu(byId("files"));
  const list = new FileList({
    api: engine.api,
    menuButton: ({ id, filename }) =>
      menu.button(`Actions for ${filename}`, () => fileActions(id, { ...actions, current: (key) => list.get(key) })),
    batchSize: () => transfers.list().length,
    onError: (error, again) => {
      if (session.handles(error)) return;
      notices.show(/** @type {Error} */ (error).message, {
        tone: "error",
        key: "list",
        action: { label: "Try again", run: () => (notices.dismiss("list"), again()) },
      });
    },
  });
  const actions = {
    api: engine.api,
    onRenamed: (/** @type {import("../engine/api.js").UploadRecord} */ record) => list.update(record),
    onRemoved: (/** @type {string} */ id) => {
      list.remove(id);
      quota.refresh();
    },
  };
  const unfinished = new Unfinished({
    api: engine.api,
    tabs,
    keptFiles,
    isBusy: (id) => transfers.serverIds().has(id),
    onContinue: (entry, file) => {
      notices.dismiss("different");
      const upload = continueUpload(engine, entry, file);
      transfers.follow(upload);
      // Call `fold` after all chosen files are processed, so that their uploads start together.
      queueMicrotask(() => area.fold());
      return upload;
    },
    onContinuedAlone: (count) =>
      notices.show(`${plural(count, "upload")} from your last visit ${count === 1 ? "continues" : "continue"} automatically.`, {
        key: "continued",
      }),
    onProblem: (message, error) => {
      if (!error || !session.handles(error)) notices.show(message, { tone: "error", key: "different" });
    },
    onEndElsewhere: () => {
      void list.refresh();
      quota.refresh();
    },
    onDiscarded: (sentence) => {
      if (sentence) announcer.announce(sentence);
      void list.refresh(); // an upload that has ended meanwhile may be a file of the list now
      quota.refresh();
    },
    onCompleted: (record) => {
      list.add(record);
      quota.refresh();
    },
  });

  unfinished.follow(engine);

  engine.on("active", (active) => {
    if (active) return;
    notices.dismiss("continued");
    list.endArrivals();
    void quota.refreshNow();
  });
  /** @type {WeakMap<object, number>} */
  const places = new WeakMap();
  let added = 0;
  engine.on("added", ({ upload }) => {
    places.set(upload, (added += 1));
    // At the start of an upload, the server reserves its bytes, which changes the quota.
    upload.on("started", () => quota.refresh());
  });
  let arrived = 0;
  engine.on("settled", (handle) => {
    quota.refresh();
    if (handle.error) session.handles(handle.error);
    if (handle.state === "done" && handle.record) {
      const { record, file } = handle;
      list.add(record, places.get(handle));
      arrived += 1;
      const place = arrived;
      // Only the 50 newest files get a thumbnail, because the rows of older files are further down in the list.
      const isWanted = () => arrived - place < MOST_PICTURES;
      void thumbnails.want(file, isWanted).then((url) => url && list.picture(record.id, url));
    }
    if (/** @type {{code?: string} | null} */ (handle.error)?.code === "rejected") void list.refresh();
  });
  // The engine emits `freed` after the server has cancelled an upload and freed its reserved bytes.
  engine.on("freed", () => quota.refresh());
  acceptAnywhere(byId("veil"), (roots) => area.takeRoots(roots));

  let hiddenAt = 0;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (Date.now() - hiddenAt > REFRESH_AFTER_MS) {
      void list.refresh();
      void unfinished.load();
      quota.refresh();
    }
  });
  void list.load();
  void unfinished.load({ alone: true });
}

/**
 * @param {import("../engine/engine.js").Engine} engine
 * @param {import("./unfinished-upload.js").Entry} entry
 * @param {Blob} file
 */
function continueUpload(engine, { record, kept }, file) {
  // The server finds a small upload by its Idempotency-Key, so `add` with the same key continues it.
  if (!kept || (record && (record.transport === "multipart" || !kept.uploadId))) {
    return engine.resume(/** @type {import("../engine/api.js").UploadRecord} */ (record), file);
  }
  const { filename, relativePath, contentType } = kept;
  return engine.add(file, { filename, relativePath, contentType, key: kept.key });
}
