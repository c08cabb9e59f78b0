// Where a person writes: Enter sends, Shift+Enter is a new line; while an answer comes, a stop.
export class Composer {
  // send(words) sends; stop() ends the answer that is coming.
  constructor({ form, send, stop }) {
    this.form = form;
    this.field = form.querySelector("textarea");
    this.sender = form.querySelector("[data-chat=send]");
    this.stopper = form.querySelector("[data-chat=stop]");
    this.stopper.addEventListener("click", () => {
      this.stopper.disabled = true;
      stop();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const words = this.field.value.trim();
      if (!words || this.isBusy) return;
      this.write("");
      send(words);
    });
    this.field.addEventListener("input", () => this.grow());
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    this.busy(false);
  }

  write(words) {
    this.field.value = words;
    this.grow();
  }

  grow() {
    this.field.rows = Math.min(8, Math.max(2, this.field.value.split("\n").length));
  }

  focus() {
    this.field.focus();
  }

  // After an answer: back to the field, unless the reader is somewhere else by now.
  focusIfIdle() {
    const { activeElement } = document;
    if (!activeElement || activeElement === document.body) this.focus();
  }

  busy(isBusy) {
    const stopHadFocus = document.activeElement === this.stopper;
    this.isBusy = isBusy;
    this.sender.hidden = isBusy;
    this.stopper.hidden = !isBusy;
    this.stopper.disabled = false;
    if (!isBusy && stopHadFocus) this.focus();
  }
}
