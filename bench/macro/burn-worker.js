// What the baseline runs where jobs have work to do.

export { burn as default } from "./burn.js";
