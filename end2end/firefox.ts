// Debian's Firefox under Playwright. Playwright's own is patched and must be downloaded. This one is driven by WebDriver BiDi,
// which is experimental in Playwright.
import { firefox as launcher, type Browser } from "@playwright/test";

/** The part of `ws` that is needed here: the module that Playwright brings and uses itself. */
interface Socket {
  send(data: unknown, ...rest: unknown[]): void;
  emit(event: "message", data: string, isBinary: boolean): void;
}
const { ws } = require("playwright-core/lib/utilsBundle") as { ws: { prototype: Socket } };

// Playwright sets the colours of every page by a command that this Firefox (153) does not know, and fails. Here it is answered as
// if it had succeeded; the pages have Firefox's default colours. Remove this once Firefox knows the command.
const unknown = '"method":"emulation.setMediaFeaturesOverride"';
const { send } = ws.prototype;
ws.prototype.send = function (this: Socket, data, ...rest) {
  if (!String(data).includes(unknown)) return send.call(this, data, ...rest);
  const { id } = JSON.parse(String(data));
  setImmediate(() => this.emit("message", JSON.stringify({ type: "success", id, result: {} }), false));
};

/** Starts a new Firefox, which the caller closes. */
export const firefox = (): Promise<Browser> =>
  launcher.launch({ channel: "moz-firefox", executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr" });
