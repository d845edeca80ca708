// The test setup: tests really use two servers, and one may be stopped.
import { expect, test } from "@playwright/test";

import { killNode, nodeUrl, startNode } from "../cluster";

test("nginx skips a killed server, and uses it again after a restart", async ({ request }) => {
  const ready = () => request.get("/health/ready").then((response) => response.status());
  expect(await ready()).toBe(200);

  await killNode(0);
  for (let i = 0; i < 4; i++) expect(await ready()).toBe(200);

  await startNode(0);
  expect((await request.get(`${nodeUrl(0)}/health/ready`)).status()).toBe(200);
});
