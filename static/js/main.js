import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";
import "../css/uppy.css";
import "../css/upload.css";
import "../css/files.css";

import { startPage } from "./page/page.js";

startPage();
