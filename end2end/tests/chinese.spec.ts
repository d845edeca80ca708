// In Chinese: sentences, names, and an input method that uses Enter itself.
import { type Page } from "@playwright/test";

import {
  PASSWORD, asks, composer, expect, fillSignUp, isAwake, isIn, makesRoom, message, place, roomLink, rooms, says, sees, signUp, test, unique,
  writesTo,
} from "../fixtures";

test("from the account to a message, in a browser that prefers Chinese", async ({ open }) => {
  const page = await open({ locale: "zh-CN" });
  const handle = unique("xiaolin");
  await page.goto("/sign-up");
  await expect(page.locator("html")).toHaveAttribute("lang", "zh-Hans");
  await expect(page.getByRole("heading", { name: "创建账号" })).toBeVisible();
  await fillSignUp(page, { name: "林晓", handle, password: PASSWORD });
  await isIn(page);
  await expect(page.getByRole("navigation", { name: "房间" })).toBeVisible();
  await expect(page.getByRole("textbox", { name: `发消息给 #${place.channel}` })).toBeVisible();

  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  await writesTo(bo.page, { handle, name: "林晓" });
  await says(bo.page, "你好，林晓！");
  await expect(roomLink(page, bo.name).getByRole("img", { name: "1 条未读" })).toBeVisible();
  await roomLink(page, bo.name).click();
  await sees(page, "你好，林晓！");
  await says(page, "船到了，把长绳带来。");
  await sees(bo.page, "船到了，把长绳带来。");
  await expect(message(page, "船到了，把长绳带来。").getByRole("img", { name: "已读" })).toBeVisible();
  await expect(bo.page.getByRole("article", { name: /^林晓, \d\d:\d\d$/ })).toHaveCount(1);

  // A person can be found by a Chinese name.
  const cleo = await signUp(await open());
  await cleo.page.getByLabel("New", { exact: true }).click();
  await rooms(cleo.page).getByRole("button", { name: "New message" }).click();
  await cleo.page.getByRole("combobox").fill("林晓");
  await expect(cleo.page.getByRole("option", { name: `@${handle}` })).toBeVisible();
});

test("Chinese names and channels are found by pinyin, live and after a rename", async ({ open }) => {
  const handle = unique("x");
  const ming = await signUp(await open(), { handle, name: "王小明" });
  const cleo = await signUp(await open(), { name: "Cleo Martin" });
  const channel = `技术部${unique("")}`;
  await makesRoom(cleo.page, "Channel", channel);
  const room = new URL(cleo.page.url()).pathname.split("/")[2];
  await asks(ming.page, [{ type: "join", room }]);

  // In the composer, by initials and in full; also the channel.
  const completes = async (typed: string, option: string) => {
    await composer(cleo.page).fill("");
    await composer(cleo.page).pressSequentially(typed);
    await expect(cleo.page.getByRole("option", { name: option })).toBeVisible();
    await composer(cleo.page).fill("");
  };
  await completes("@wxm", `@${handle}`);
  await completes("@wangxiao", `@${handle}`);
  await completes("#jsb", `#${channel}`);

  // In the finder, from here and from the server.
  const finds = async (page: Page, typed: string, option: string) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill(typed);
    await expect(page.getByRole("option", { name: option })).toBeVisible();
    await page.keyboard.press("Escape");
  };
  await finds(cleo.page, "wangxiaoming", `@${handle}`);
  await finds(cleo.page, "jishubu", channel);
  const dan = await signUp(await open());
  await finds(dan.page, "jsb", channel);
  await cleo.page.getByRole("button", { name: "Details" }).click();
  await expect(cleo.page.locator(".members")).toContainText("王小明");

  // After a rename, while the others look on.
  await ming.page.goto("/settings/profile");
  await ming.page.getByRole("textbox", { name: "Name" }).fill("李雷");
  await ming.page.getByRole("button", { name: "Save" }).click();
  await expect(cleo.page.locator(".members")).toContainText("李雷");
  await completes("@ll", `@${handle}`);
});

test("the language is switched before and after signing in, and stays", async ({ open }) => {
  const page = await open();
  await page.goto("/sign-in");
  await page.getByRole("button", { name: "简体中文" }).click();
  await expect(page.getByRole("heading", { name: "登录" })).toBeVisible();
  await expect(page).toHaveURL("/sign-in");
  await signUp(page, { name: "王伟" });
  await expect(page.locator("html")).toHaveAttribute("lang", "zh-Hans");
  await page.goto("/settings/appearance");
  await expect(page.getByRole("heading", { level: 1, name: "外观" })).toBeVisible();
  await page.getByRole("button", { name: "English" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Appearance" })).toBeVisible();
  await expect(page.getByRole("button", { name: "English" })).toBeFocused();
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", "en");
});

test("every language is listed by its own name, and the browser's comes first", async ({ open }) => {
  const page = await open({ locale: "de-AT" });
  await page.goto("/sign-in");
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await expect(page.getByRole("button", { name: "Anmelden" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Deutsch" })).toHaveAttribute("aria-pressed", "true");
  for (const [name, lang, heading] of [
    ["Español", "es", "Iniciar sesión"],
    ["Français", "fr", "Se connecter"],
    ["Português (Brasil)", "pt-BR", "Entrar"],
    ["日本語", "ja", "サインイン"],
    ["简体中文", "zh-Hans", "登录"],
    ["English", "en", "Sign in"],
  ]) {
    await page.getByRole("button", { name, exact: true }).click();
    await expect(page.locator("html")).toHaveAttribute("lang", lang);
    await expect(page.getByRole("heading", { level: 1, name: heading })).toBeVisible();
    await isAwake(page);
  }
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
});

test("Enter belongs to the input method while it composes", async ({ open }) => {
  const lin = await signUp(await open({ locale: "zh-CN" }));
  const { page } = lin;
  // In a room where nobody else writes.
  const bo = await signUp(await open());
  await writesTo(bo.page, lin);
  await page.goto(bo.page.url());
  await isIn(page);
  const articles = page.getByRole("log").getByRole("article");
  const before = await articles.count();
  const method = await page.context().newCDPSession(page);
  await composer(page).focus();

  await method.send("Input.imeSetComposition", { text: "ni hao", selectionStart: 6, selectionEnd: 6 });
  await expect(composer(page)).toHaveValue("ni hao");
  // Browsers report it by `isComposing`, Safari only by the key code.
  for (const key of [{ isComposing: true }, { keyCode: 229 }]) {
    const stopped = await composer(page).evaluate(
      (field, key) => !field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...key })),
      key,
    );
    expect(stopped, `Enter ${JSON.stringify(key)} is left to the input method`).toBe(false);
  }
  await expect(composer(page)).toHaveValue("ni hao");
  expect(await articles.count()).toBe(before);

  await method.send("Input.insertText", { text: "你好" });
  await expect(composer(page)).toHaveValue("你好");
  const text = `你好，${unique("世界")}`;
  await composer(page).fill(text);
  await composer(page).press("Enter");
  await sees(page, text);
  await expect(composer(page)).toHaveValue("");
});

test("in a search field, too, Enter and Escape belong to the input method", async ({ open }) => {
  const { page } = await signUp(await open({ locale: "zh-CN" }));
  const room = unique("港口");
  await page.getByLabel("新建", { exact: true }).click();
  await rooms(page).getByRole("button", { name: "新建房间" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "名称" }).fill(room);
  await page.getByRole("dialog").getByRole("button", { name: "创建" }).click();
  await expect(page.getByRole("heading", { level: 1, name: room })).toBeVisible();
  const method = await page.context().newCDPSession(page);

  /** Composes the channel's name. Meanwhile the field must ignore Enter and Escape. */
  const composes = async (field: import("@playwright/test").Locator) => {
    const address = page.url();
    await field.focus();
    await method.send("Input.imeSetComposition", { text: place.channel, selectionStart: 3, selectionEnd: 3 });
    await expect(field).toHaveValue(place.channel);
    for (const init of [{ isComposing: true }, { keyCode: 229 }]) {
      for (const key of ["Enter", "Escape"]) {
        // Any effect of the key happens before the next frame.
        const after = await field.evaluate(async (field: HTMLInputElement, init) => {
          field.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }));
          await new Promise(requestAnimationFrame);
          return [location.href, field.value];
        }, { key, ...init });
        expect(after, `${key} ${JSON.stringify(init)}`).toEqual([address, place.channel]);
      }
    }
    await method.send("Input.insertText", { text: place.channel });
    await expect(field).toHaveValue(place.channel);
  };

  await page.keyboard.press("Control+k");
  const dialog = page.getByRole("dialog", { name: "快速跳转" });
  await composes(dialog.getByRole("combobox"));
  await expect(dialog.getByRole("option")).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: `#${place.channel}` })).toBeVisible();
});
