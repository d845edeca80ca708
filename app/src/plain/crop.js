// Lets people choose the square of a picture that others will see. Without this, or if this browser cannot read the picture, the
// server takes the middle.
(page => {
  const form = page.querySelector("[data-crop]"), dialog = page.querySelector(".crop");
  const canvas = dialog?.querySelector("canvas"), zoom = dialog?.querySelector("input");
  if (!form || !dialog?.showModal || !globalThis.createImageBitmap || !globalThis.DataTransfer) return;

  /** The side of what is sent, in pixels. The server makes it smaller. */
  const SENT = 512;
  /** How much nearer one can go. */
  const NEAREST = 8;
  const file = form.elements.picture, choose = form.querySelector("button.scripted");
  for (const plain of form.querySelectorAll("[data-plain]")) plain.hidden = true;
  choose.hidden = false;
  choose.addEventListener("click", () => file.click());

  /** The picture, and the square of it that is shown: its middle and its side, in pixels of the picture. */
  let picture, x, y, side;

  const least = () => Math.min(picture.width, picture.height);
  const clamp = (value, from, to) => Math.min(Math.max(value, from), to);
  const settle = () => {
    side = clamp(side, least() / NEAREST, least());
    x = clamp(x, side / 2, picture.width - side / 2);
    y = clamp(y, side / 2, picture.height - side / 2);
  };
  const paint = (onto, size) => {
    onto.width = onto.height = size;
    const brush = onto.getContext("2d");
    brush.imageSmoothingQuality = "high";
    // JPEG has no transparency.
    brush.fillStyle = "#fff";
    brush.fillRect(0, 0, size, size);
    brush.drawImage(picture, x - side / 2, y - side / 2, side, side, 0, 0, size, size);
  };
  const show = () => {
    settle();
    paint(canvas, Math.round(canvas.clientWidth * devicePixelRatio));
    zoom.value = 100 * Math.log(least() / side) / Math.log(NEAREST);
  };
  const move = (dx, dy) => {
    // By pixels of the screen.
    const scale = side / canvas.clientWidth;
    x -= dx * scale;
    y -= dy * scale;
    show();
  };
  const nearer = factor => {
    side /= factor;
    show();
  };

  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    try {
      picture = await createImageBitmap(chosen, { imageOrientation: "from-image" });
    } catch {
      // The server says what is wrong with it.
      form.requestSubmit();
      return;
    }
    [x, y, side] = [picture.width / 2, picture.height / 2, least()];
    dialog.showModal();
    show();
    canvas.focus();
  });

  zoom.addEventListener("input", () => {
    side = least() / NEAREST ** (zoom.value / 100);
    show();
  });
  canvas.addEventListener("wheel", event => {
    event.preventDefault();
    nearer(1.002 ** -event.deltaY);
  }, { passive: false });
  canvas.addEventListener("keydown", event => {
    const step = event.shiftKey ? 40 : 10;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (moves[event.key]) move(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") nearer(1.15);
    else if (event.key === "-") nearer(1 / 1.15);
    else return;
    event.preventDefault();
  });

  /** The fingers, or the mouse, on the picture. */
  const pointers = new Map();
  const apart = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  canvas.addEventListener("pointermove", event => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const distance = pointers.size === 2 && apart();
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    move((event.clientX - before.x) / pointers.size, (event.clientY - before.y) / pointers.size);
    if (distance) nearer(apart() / distance);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, event => pointers.delete(event.pointerId));

  // Esc and Cancel leave the value empty.
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "save") {
      file.value = "";
      choose.focus();
      return;
    }
    const sent = page.createElement("canvas");
    paint(sent, SENT);
    sent.toBlob(blob => {
      const files = new DataTransfer();
      files.items.add(new File([blob], "picture.jpg", { type: blob.type }));
      file.files = files.files;
      form.requestSubmit();
    }, "image/jpeg", 0.92);
  });
  dialog.addEventListener("cancel", () => { dialog.returnValue = ""; });
})(document);
