// Uploads files. The code for it is a separate file, fetched for the first upload. What to do comes as the event `roost:upload`, and what
// happens goes back as `roost:files`: see app/src/state/files.rs.

let uploads;

addEventListener("roost:upload", async ({ detail }) => {
  uploads ??= import(new URL("./UPLOADS", import.meta.url));
  try {
    const { act } = await uploads;
    act(detail);
  } catch {
    uploads = undefined;
    dispatchEvent(new CustomEvent("roost:files", { detail: JSON.stringify({ type: "missing" }) }));
  }
});
