// A tab that was open before an upgrade of the servers, and uses another version of the protocol.
import { composer, expect, isIn, message, opens, signUp, test, writesTo } from "../fixtures";

test("an old tab is told to reload, and unsent messages are sent afterwards", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });

  // The server's answer to another version: `protocol::VERSION` is the same in all servers of this test.
  let isOld = true;
  let greetings = 0;
  await ana.page.routeWebSocket(/\/socket$/, (socket) => {
    if (!isOld) return void socket.connectToServer();
    socket.onMessage((text) => {
      greetings += 1;
      const { ref } = JSON.parse(String(text));
      socket.send(JSON.stringify({ ref, refusal: { code: 1006, detail: "this server speaks version 2" } }));
      void socket.close({ code: 4406 });
    });
  });
  await writesTo(ana.page, bo);
  await ana.page.reload();

  await expect(ana.page.getByText("Roost has been updated.")).toBeVisible();
  await composer(ana.page).fill("written in an old tab");
  await composer(ana.page).press("Enter");
  await expect(message(ana.page, "written in an old tab")).toBeVisible();
  // It waits for a person, and does not keep retrying.
  expect(greetings).toBeLessThanOrEqual(2);

  isOld = false;
  await ana.page.getByRole("button", { name: "Reload" }).click();
  await isIn(ana.page);
  await opens(bo.page, ana.name);
  await expect(message(bo.page, "written in an old tab")).toBeVisible();
  await expect(ana.page.getByText("Roost has been updated.")).toBeHidden();
});
