// The screenshots of README.md and README.zh-CN.md: a studio by a harbour, over two days.
//
// Run by `scripts/e2e --config pictures.config.ts`. People write in their own browsers; then the times are changed in the
// database, as if days had passed. The browsers use a time zone in which it is afternoon, so that «today» is mostly over.
import path from "node:path";

import { query } from "../cluster";
import { chooses, expect, fillSignUp, isIn, isOpen, makesRoom, opens, place, saysMany, signUp, test, writesTo, type Person } from "../fixtures";

const folder = path.resolve(__dirname, "../../docs/screenshots");

const utcHour = new Date().getUTCHours();
const east = ((15 - utcHour + 12 + 24) % 24) - 12;
// The sign of these names is the other way round.
const timezoneId = `Etc/GMT${east > 0 ? "-" : "+"}${Math.abs(east)}`;

type Line = [who: string, day: 0 | -1, time: string, text: string];

const sizes = {
  wide: { viewport: { width: 1440, height: 900 } },
  tablet: { viewport: { width: 820, height: 1180 }, hasTouch: true },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};

/** Writes a room's lines, each by its author, and then sets their times. */
async function writes(people: Record<string, Person>, room: string, lines: Line[]) {
  for (const [who, , , text] of lines) await saysMany(people[who].page, [text], room);
  const rows = lines.map(([, day, time], n) => `(${n + 1}, ${day}, time '${time}')`).join(", ");
  query(`
    with lines (n, day, at) as (values ${rows}),
         written as (select seq, row_number() over (order by seq desc) as back from messages where room_id = '${room}')
    update messages set sent_at = (date_trunc('day', now() + interval '${east} hours') + day * interval '1 day' + at - interval '${east} hours')
    from lines join written on written.back = ${lines.length} + 1 - lines.n
    where messages.room_id = '${room}' and messages.seq = written.seq`);
  query(`update lines set active_at = (select max(sent_at) from messages where room_id = lines.id) where id = '${room}'`);
}

test("the pictures", async ({ open, expected }) => {
  expected(/status of 422/);
  test.setTimeout(300_000);
  const people: Record<string, Person> = {};
  const options = { ...sizes.wide, timezoneId };

  const ada = await open(options);
  await ada.goto("/");
  await fillSignUp(ada, place.admin);
  await ada.getByRole("textbox", { name: "Workspace name" }).fill(place.name);
  await ada.getByRole("textbox", { name: "First channel" }).fill(place.channel);
  await ada.getByRole("button", { name: "Continue" }).click();
  await ada.getByRole("link", { name: `Open ${place.name}` }).click();
  await isIn(ada);
  people.ada = { page: ada, ...place.admin };
  for (const [who, name] of Object.entries({ ana: "Ana Benítez", bo: "Bo Lindqvist", lin: "林晓", wang: "王伟", noor: "Noor Haddad" })) {
    people[who] = await signUp(await open(options), { handle: who, name });
  }
  const { page } = people.ana;
  const roomOf = async (who: string, how: () => Promise<void>) => {
    await how();
    return people[who].page.url().split("/").at(-1)!;
  };

  await opens(page, `#${place.channel}`);
  const general = page.url().split("/").at(-1)!;
  query(`update rooms set topic = 'News for all of us' where id = '${general}'`);
  const ropes = await roomOf("ana", () => makesRoom(page, "Group", "Rope locker"));
  const launch = await roomOf("lin", () => makesRoom(people.lin.page, "Channel", "开航计划"));
  const tides = await roomOf("bo", () => makesRoom(people.bo.page, "Channel", "tides"));
  for (const [who, channel] of [["ana", "开航计划"], ["wang", "开航计划"], ["ana", "tides"], ["noor", "tides"]] as const) {
    const dialog = await chooses(people[who].page, "Browse channels");
    await dialog.getByRole("option", { name: new RegExp(channel) }).click();
    await isOpen(people[who].page, `#${channel}`);
  }
  const withBo = await roomOf("ana", () => writesTo(page, people.bo));
  const withLin = await roomOf("ana", () => writesTo(page, people.lin));
  const withWang = await roomOf("wang", () => writesTo(people.wang.page, people.ana));

  await writes(people, ropes, [
    ["ana", -1, "11:20", "Two new coils are in. Please write down what you take."],
  ]);
  await writes(people, tides, [
    ["bo", -1, "08:10", "High water 09:42, low water 15:58."],
    ["noor", 0, "08:05", "High water 10:31. Wind from the south-west, 4 to 5."],
  ]);
  await writes(people, withBo, [
    ["bo", -1, "16:30", "Could you look at the harbour master's letter?"],
    ["ana", -1, "16:42", "On it. Tomorrow morning, with coffee."],
  ]);
  await writes(people, withLin, [
    ["ana", 0, "11:48", "The sketches are lovely."],
    ["lin", 0, "11:52", "谢谢！我下午发最终版。"],
  ]);
  await writes(people, launch, [
    ["lin", -1, "10:02", "大家好，开航计划放在这里讨论。"],
    ["wang", -1, "10:05", "好的，我先列一个清单：\n1. 缆绳检查\n2. 航线确认\n3. 通知港口"],
    ["ana", -1, "10:11", "I can take the third point, 港口 knows me."],
    ["lin", -1, "10:12", "太好了 🙌"],
    ["wang", -1, "16:47", "航线确认了，周六早上八点出发，顺风。"],
    ["lin", 0, "09:15", "海报初稿：https://harbour.example/posters/spring"],
    ["wang", 0, "09:21", "颜色很好看，标题可以再大一点。"],
    ["lin", 0, "09:24", "改好了，请再看一下。"],
    ["wang", 0, "09:31", "👍"],
    ["ana", 0, "13:58", "The harbour master says yes: berth 7, from Friday noon."],
    ["lin", 0, "14:03", "那就定了，7 号泊位，周五中午。"],
  ]);
  await writes(people, general, [
    ["ada", -1, "09:02", "Welcome to the harbour."],
    ["bo", -1, "09:14", "Morning! The heron is back on the east pier."],
    ["noor", -1, "09:15", "🐦"],
    ["lin", -1, "09:40", "早上好！新的海报今天开始画。"],
    ["ana", -1, "14:25", "The ferry timetable changes on Monday. I put it on the board, and here:\nhttps://harbour.example/ferry/winter"],
    ["bo", -1, "14:31", "Thank you. The 17:20 is gone, so the late shift should take the 17:50."],
    ["wang", -1, "17:05", "系泊系统今晚升级，大约十分钟。"],
    ["wang", -1, "17:52", "升级完成，一切正常 ✅"],
    ["noor", 0, "09:03", "Who moved the long rope?"],
    ["bo", 0, "09:05", "Me, sorry. It is on the second hook, where it should have been all along."],
    ["noor", 0, "09:06", "Found it. You are forgiven 🤝"],
    ["lin", 0, "10:37", "海报的三个版本都好了，大家更喜欢哪一个？\nA 日出　B 灯塔　C 渡船"],
    ["wang", 0, "10:41", "B，灯塔那张很有感觉。"],
    ["ana", 0, "10:42", "The lighthouse, B. It says what we are at one glance."],
    ["ada", 0, "13:15", "B it is, then. The printer needs the file by four."],
    ["lin", 0, "13:20", "发过去了。"],
    ["ana", 0, "14:06", "Printed, and hanging in the window. Come and look."],
  ]);
  await writes(people, withWang, [
    ["wang", 0, "14:20", "明天的会议改到十点，可以吗？"],
    ["wang", 0, "14:21", "地点不变"],
  ]);

  // Everybody has read everything, except Ana, who has three unread rooms. All joined long ago.
  query("update members set delivered_seq = head, read_seq = head, read_ordinal = messages, joined_at = now() - interval '3 days' from lines where lines.id = room_id");
  for (const [room, unread] of [[tides, 1], [withLin, 1], [withWang, 2]] as const) {
    query(`update members set read_seq = read_seq - ${unread} from users where users.id = user_id and users.handle = 'ana' and room_id = '${room}'`);
  }
  for (const { page } of Object.values(people)) await page.close();

  const picture = async (name: string, size: keyof typeof sizes, how: { locale: string; colorScheme: "light" | "dark"; room: string; who: Person }) => {
    const page = await open({ ...sizes[size], timezoneId, locale: how.locale, colorScheme: how.colorScheme });
    await page.goto("/sign-in");
    await page.getByRole("textbox", { name: /^(Handle|用户名)$/ }).fill(how.who.handle);
    await page.getByLabel(/^(Password|密码)$/).fill(how.who.password);
    await page.getByRole("button", { name: /^(Sign in|登录)$/ }).click();
    await isIn(page);
    if (how.room) await page.goto(`/r/${how.room}`);
    await isIn(page);
    if (how.room) await expect(page.getByRole("log")).toHaveAttribute("aria-busy", "false");
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.mouse.move(0, 0);
    await page.screenshot({ path: path.join(folder, `${name}.png`), animations: "disabled" });
    await page.context().close();
  };
  const { ana, lin } = people;
  await picture("room-light", "wide", { locale: "en-GB", colorScheme: "light", room: general, who: ana });
  await picture("room-dark", "wide", { locale: "en-GB", colorScheme: "dark", room: general, who: ana });
  await picture("phone", "phone", { locale: "en-GB", colorScheme: "light", room: general, who: ana });
  await picture("room-zh", "wide", { locale: "zh-CN", colorScheme: "light", room: launch, who: lin });
  await picture("phone-zh", "phone", { locale: "zh-CN", colorScheme: "dark", room: launch, who: lin });

  // For review only.
  if (process.env.ALL_PICTURES) {
    const stranger = await open({ ...sizes.phone, colorScheme: "dark" });
    await stranger.goto("/invite/used-up");
    await stranger.screenshot({ path: path.join(folder, "../../.data/pictures/invitation-void.png") });
    for (const [size, locale, colorScheme] of [["tablet", "en-GB", "light"], ["tablet", "zh-CN", "dark"], ["phone", "en-GB", "dark"], ["wide", "zh-CN", "dark"]] as const) {
      await picture(`../../.data/pictures/room-${size}-${locale}-${colorScheme}`, size, { locale, colorScheme, room: general, who: ana });
      await picture(`../../.data/pictures/lobby-${size}-${locale}-${colorScheme}`, size, { locale, colorScheme, room: "", who: ana });
    }
  }
});
