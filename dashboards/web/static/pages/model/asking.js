// How a part of the model's page asks of the chosen window.

import { after } from "../../format.js";

/** The parameters of exactly this window. */
export const windowed = (data, window) => ({ from: window.start, to: after(window.start), version: data.scope.version, rule: data.scope.rule, slice: data.scope.slice || null });
