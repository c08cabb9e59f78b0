// The page's pass for the API: asked for under the session, kept in memory alone, renewed in time.
import { Trouble, offline, signedOut, troubleOf } from "./trouble.js";

const EARLY = 60; // seconds before its end from which a pass is renewed

// A function that promises a pass; with `true` a new one, when the API did not take the last.
export const passFrom = ({ url, csrf, tenant }) => {
  let last = null, asking = null;
  const ask = async () => {
    const body = new URLSearchParams({ tenant });
    const headers = { "X-CSRFToken": csrf };
    const asked = { method: "POST", body, headers, credentials: "same-origin" };
    const answer = await fetch(url, asked).catch(() => { throw offline(); });
    if (answer.redirected || answer.status === 401) throw signedOut();
    if (answer.status === 409) throw new Trouble((await answer.json()).detail, "signed-out");
    if (!answer.ok) throw answer.status === 403 ? signedOut() : await troubleOf(answer);
    const given = await answer.json();
    last = { text: given.pass, until: performance.now() + (given.seconds - EARLY) * 1000 };
    return last.text;
  };
  return async (fresh = false) => {
    if (!fresh && last && performance.now() < last.until) return last.text;
    asking ??= ask().finally(() => { asking = null; });
    return asking;
  };
};
