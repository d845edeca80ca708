// What browsers do to a page: clocks that are changed, storage that is denied, extensions, and files that do not load.
import {
  PASSWORD, composer, expect, fillSignUp, isIn, makesRoom, message, opens, says, sees, signUp, test, unique, writesTo, type Person,
} from "../fixtures";

type Page = Person["page"];

const trouble = (page: Page, says: string) => page.getByRole("alert").filter({ hasText: says });

test("setting the clock back breaks nothing, and a jump ahead checks the connection", async ({ open }) => {
  const page = await open();
  const asked: string[] = [];
  page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => asked.push(String(payload))));
  await page.addInitScript(() => {
    const now = Date.now;
    let by = 0;
    Date.now = () => now() + by;
    window.addEventListener("set-clock", (event) => (by = (event as CustomEvent).detail));
  });
  const ana = await signUp(page);
  const bo = await signUp(await open());
  await writesTo(bo.page, ana);
  await says(bo.page, "before");
  await opens(page, bo.name);
  await expect(message(bo.page, "before").getByRole("img", { name: "Read" })).toBeVisible();

  const set = (by: number) => page.evaluate((by) => void window.dispatchEvent(new CustomEvent("set-clock", { detail: by })), by);
  await set(-3_600_000);
  await says(bo.page, "after");
  await expect(message(bo.page, "after").getByRole("img", { name: "Read" })).toBeVisible();

  const pings = () => asked.filter((frame) => frame.includes('"ping"')).length;
  const before = pings();
  await set(3_600_000);
  await expect.poll(pings).toBeGreaterThan(before);
  await isIn(page);
});

for (const [how, deny] of [
  ["denied", () => Object.defineProperty(window, "localStorage", { get: () => { throw new DOMException("denied", "SecurityError"); } })],
  ["full", () => { Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); }; }],
] as const) {
  test(`if storage is ${how}, drafts last during the visit`, async ({ open }) => {
    const page = await open();
    await page.addInitScript(deny);
    await signUp(page);
    const [one, two] = [unique("one"), unique("two")];
    for (const room of [one, two]) await makesRoom(page, "Group", room);
    await composer(page).fill("for the second");
    await opens(page, one);
    await composer(page).fill("for the first");
    await opens(page, two);
    await expect(composer(page)).toHaveValue("for the second");
    await composer(page).fill("");
    await opens(page, one);
    await expect(composer(page)).toHaveValue("for the first");
    await says(page, "for the first");
    await opens(page, two);
    await expect(composer(page)).toHaveValue("");
    await opens(page, one);
    await expect(composer(page)).toHaveValue("");
  });
}

test("elements that an extension adds do not stop the page from working", async ({ open }) => {
  const page = await open();
  await page.addInitScript(() => {
    document.addEventListener("readystatechange", () => {
      document.body.prepend(Object.assign(document.createElement("div"), { id: "extension" }));
      document.body.append(document.createElement("div"));
    }, { once: true });
  });
  await signUp(page);
  await expect(page.locator("#extension")).toHaveCount(1);
  await makesRoom(page, "Group", unique("extended"));
  await says(page, "It works.");
  await sees(page, "It works.");
  await expect(page.locator("html")).not.toHaveAttribute("data-broken", /.*/);
});

test("a page that cannot hydrate says so", async ({ open, expected }) => {
  expected(/panicked|unreachable/);
  const page = await open();
  await signUp(page);
  const sockets: string[] = [];
  page.on("websocket", (socket) => sockets.push(socket.url()));
  await page.addInitScript(() => {
    if (sessionStorage.getItem("spoilt")) return;
    sessionStorage.setItem("spoilt", "true");
    document.addEventListener("readystatechange", () => {
      document.getElementById("app")!.prepend(document.createElement("div"));
    }, { once: true });
  });
  await page.reload();
  const told = trouble(page, "This page stopped working.");
  await expect(told).toBeVisible();
  // After two frames, a working page would have set these attributes.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const html = page.locator("html");
  await expect(html).toHaveAttribute("data-broken", "stopped");
  for (const sign of ["data-hydrated", "data-link"]) await expect(html).not.toHaveAttribute(sign, /.*/);
  expect(sockets).toEqual([]);
  await told.getByRole("button", { name: "Reload" }).click();
  await isIn(page);
  await expect(told).toBeHidden();
  await opens(page, "#general");
});

test("without WebAssembly the forms work, and the page says what does not work", async ({ open, expected }) => {
  expected(/WebAssembly/);
  const page = await open();
  await page.addInitScript(() => delete (window as { WebAssembly?: unknown }).WebAssembly);
  await page.goto("/sign-up");
  await expect(trouble(page, "WebAssembly is off or not supported")).toBeVisible();
  await fillSignUp(page, { name: "Locked Down", handle: unique("locked"), password: PASSWORD });
  await expect(page.getByRole("heading", { level: 1, name: "#general" })).toBeVisible();
  await expect(trouble(page, "WebAssembly is off or not supported")).toBeVisible();
  // The page offers nothing that needs WebAssembly.
  await expect(page.getByLabel("New", { exact: true })).toBeHidden();
  await expect(page.getByRole("button", { name: "Details" })).toBeHidden();
  const bo = await signUp(await open());
  await writesTo(bo.page, { handle: await handleOf(page), name: "Locked Down" });
  await says(bo.page, "Hello in there");
  await page.reload();
  await page.getByRole("link", { name: new RegExp(`^${bo.name}`) }).click();
  await composer(page).fill("By the form.");
  await page.getByRole("button", { name: "Send" }).click();
  await sees(bo.page, "By the form.");
  await expect(composer(page)).toBeInViewport();
});

for (const kind of ["js", "wasm"]) {
  test(`if the page's .${kind} is missing, it says so and offers to reload`, async ({ open, expected }) => {
    // If a module does not load, Chromium's error has no message.
    expected(/status of 404/, kind === "js" ? /^uncaught: $/ : /failed to fetch Wasm/);
    const page = await open();
    await signUp(page);
    // Not the chunks, which may be loading: `later.spec.ts` covers those.
    const files = new RegExp(`/roost\\.[0-9a-f]+\\.${kind}$`);
    await page.route(files, (route) => route.fulfill({ status: 404, contentType: "text/plain", body: "there is no such file" }));
    await page.reload();
    const told = trouble(page, "This page didn’t load completely.");
    await expect(told).toBeVisible();
    await expect(page.locator("html")).toHaveAttribute("data-broken", "unloaded");
    await page.unroute(files);
    await told.getByRole("button", { name: "Reload" }).click();
    await isIn(page);
    await expect(told).toBeHidden();
  });
}

test("in Chinese, too", async ({ open, expected }) => {
  expected(/WebAssembly/);
  const page = await open({ locale: "zh-CN" });
  await page.addInitScript(() => delete (window as { WebAssembly?: unknown }).WebAssembly);
  await page.goto("/sign-in");
  await expect(trouble(page, "此浏览器不支持或关闭了 WebAssembly")).toBeVisible();
  await expect(page.getByRole("button", { name: "登录" })).toBeVisible();
});

async function handleOf(page: Page): Promise<string> {
  const { content } = await page.evaluate(() => JSON.parse(document.getElementById("page")!.textContent!));
  return content.viewer.handle;
}
