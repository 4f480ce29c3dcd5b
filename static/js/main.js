import "../css/picker.css";
import "../css/upload.css";
import "../css/files.css";

import { startPage } from "./page/page.js";

startPage();
