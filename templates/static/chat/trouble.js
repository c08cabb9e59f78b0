// What can go wrong, in an operator's words, with what to do next.

export class Trouble extends Error {
  // kind: "offline", "signed-out", "gone", "refused" or "broken".
  constructor(words, kind) {
    super(words);
    this.kind = kind;
  }
}

export const offline = () => new Trouble(
  "The server cannot be reached. Look whether you are online, then try again.", "offline");

export const signedOut = () => new Trouble(
  "Your sign-in has ended. Load the page again to sign in; what was said is kept.", "signed-out");

const BY_STATUS = {
  403: (said) => `You may not do this. ${said}`,
  404: () => "This conversation does not exist any more. Begin a new one.",
  409: (said) => said || "An answer is still being written. Wait for it, or stop it.",
  429: () => "Too many questions within a minute. Wait a moment, then ask again.",
};
const KINDS = { 404: "gone", 403: "refused", 409: "refused", 422: "refused", 400: "refused" };

// What the answer of a status that is no success means.
export const troubleOf = async (answer) => {
  if (answer.status === 401) return signedOut();
  let said = "";
  try { said = String((await answer.json()).detail ?? ""); } catch { /* a page, not our API */ }
  const broken = "The server could not do this. Try again; if it happens again, tell your platform"
    + " admin.";
  const words = BY_STATUS[answer.status]?.(said) ?? (answer.status < 500 && said ? said : broken);
  return new Trouble(words, KINDS[answer.status] ?? "broken");
};
