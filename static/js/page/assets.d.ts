declare module "*.svg" {
  /** The text of the file. */
  const text: string;
  export default text;
}

declare module "*.css";
