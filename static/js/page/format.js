/** Formats sizes, speeds, times and numbers for people, in the browser's language. */

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"];
const MINUTE = 60;
const HOUR = 3600;

/** The Intl formatters are cached, because creating one takes longer than drawing a row. @type {Map<string, Intl.NumberFormat>} */
const numberFormats = new Map();
/** @type {Map<string, Intl.DateTimeFormat>} */
const dateFormats = new Map();

/** @param {Intl.NumberFormatOptions} [options] */
function numbers(options = {}) {
  const key = JSON.stringify(options);
  const format = numberFormats.get(key) ?? new Intl.NumberFormat(undefined, options);
  numberFormats.set(key, format);
  return format;
}

/** @param {Intl.DateTimeFormatOptions} options */
function dates(options) {
  const key = JSON.stringify(options);
  const format = dateFormats.get(key) ?? new Intl.DateTimeFormat(undefined, options);
  dateFormats.set(key, format);
  return format;
}

/**
 * @param {number} value
 * @param {string} unit
 * @param {Intl.NumberFormatOptions} [options]
 */
function inUnit(value, unit, options) {
  const unitDisplay = unit === "byte" ? "long" : "short";
  return numbers({ style: "unit", unit, unitDisplay, ...options }).format(value);
}

/**
 * @param {number} bytes
 * @returns {number} the index of the best unit in UNITS
 */
function power(bytes) {
  let index = 0;
  // 999.5 and more would be rounded to "1,000 kB", so use the next unit.
  while (index < UNITS.length - 1 && bytes / 1000 ** index >= (index ? 999.5 : 1000)) index += 1;
  return index;
}

/** @param {number} value */
const digits = (value) => ({ maximumFractionDigits: value < 10 ? 1 : 0 });

/**
 * Format a size in decimal units, such as "1.2 GB", in the same way as uploads/text/sizes.py.
 *
 * @param {number} bytes
 */
export function formatBytes(bytes) {
  const index = power(bytes);
  const value = bytes / 1000 ** index;
  return inUnit(value, UNITS[index], index >= 2 && value < 100 ? { maximumFractionDigits: 1 } : digits(value));
}

/**
 * Format two sizes in the unit of the larger one, such as "1.2 of 4.8 GB".
 *
 * @param {number} part
 * @param {number} whole
 */
export function formatBytesOf(part, whole) {
  const index = power(whole);
  const fraction = index >= 2 && whole / 1000 ** index < 100 ? 1 : 0;
  const options = { maximumFractionDigits: fraction };
  const number = numbers(options);
  const total = inUnit(whole / 1000 ** index, UNITS[index], options);
  // Round down. Otherwise "4.8 of 4.8 GB" would appear before all bytes are sent.
  const scale = 10 ** fraction;
  return `${number.format(Math.floor((part / 1000 ** index) * scale) / scale)} of ${total}`;
}

/** @param {number} bytesPerSecond */
export const formatSpeed = (bytesPerSecond) => `${formatBytes(bytesPerSecond)}/s`;

/** @param {number} value */
export const formatNumber = (value) => numbers().format(value);

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export const plural = (count, one, many = `${one}s`) => `${formatNumber(count)} ${count === 1 ? one : many}`;

/** @param {number} seconds */
export function formatTimeLeft(seconds) {
  if (seconds < 5) return "a few seconds left";
  if (seconds < 55) return `about ${plural(Math.ceil(seconds / 5) * 5, "second")} left`;
  if (seconds < 55 * MINUTE) return `about ${plural(Math.max(1, Math.round(seconds / MINUTE)), "minute")} left`;
  if (seconds < 36 * HOUR) return `about ${plural(Math.max(1, Math.round(seconds / HOUR)), "hour")} left`;
  return `about ${plural(Math.round(seconds / (24 * HOUR)), "day")} left`;
}

/**
 * Format a moment in the past: "Today, 14:32", "12 Aug, 14:32", "12 Aug 2024".
 *
 * @param {Date} date
 * @param {Date} [now]
 */
export function formatWhen(date, now = new Date()) {
  const time = dates({ timeStyle: "short" }).format(date);
  if (date.toDateString() === now.toDateString()) return `Today, ${time}`;
  /** @type {Intl.DateTimeFormatOptions} */
  const day = { day: "numeric", month: "short" };
  const isThisYear = date.getFullYear() === now.getFullYear();
  if (isThisYear) return `${dates(day).format(date)}, ${time}`;
  return dates({ ...day, year: "numeric" }).format(date);
}

/**
 * Format a moment in the future for use after "until": "14:32 today", "Saturday 28 November".
 *
 * @param {Date} date
 * @param {Date} [now]
 */
export function formatUntil(date, now = new Date()) {
  if (date.toDateString() === now.toDateString()) {
    return `${dates({ timeStyle: "short" }).format(date)} today`;
  }
  const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return dates({ weekday: "long", day: "numeric", month: "long", year }).format(date);
}

/** @param {Date} date */
export const formatWhenInFull = (date) =>
  dates({ dateStyle: "full", timeStyle: "medium" }).format(date);
