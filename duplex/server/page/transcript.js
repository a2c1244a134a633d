// Both sides' words as they come: grey while they may still change or have not been heard, black after.

export class Transcript {
  #list;
  #user = null;
  #agent = new Map();

  constructor(list) {
    this.#list = list;
  }

  clear() {
    this.#list.replaceChildren();
    this.#user = null;
    this.#agent.clear();
  }

  #entry(kind, who) {
    const item = document.createElement("li");
    item.className = kind;
    item.dataset.who = who;
    item.append(document.createElement("span"), document.createElement("span"));
    item.lastChild.className = "unsure";
    this.#list.append(item);
    return item;
  }

  #write(item, sure, unsure) {
    // Who has scrolled back is left there.
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    const atEnd = scrollHeight - scrollTop - clientHeight < item.clientHeight + 60;
    item.firstChild.textContent = sure;
    item.lastChild.textContent = unsure && sure ? ` ${unsure}` : unsure;
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** A new turn of the user's: what was never confirmed held no words. */
  userStarts() {
    this.#user?.remove();
    this.#user = null;
  }

  userSays(text, final) {
    this.#user ??= this.#entry("user", "You");
    this.#write(this.#user, final ? text : "", final ? "" : text);
    if (final) this.#user = null;
  }

  agentSays(segment, heard, rest, done) {
    if (!this.#agent.has(segment)) this.#agent.set(segment, this.#entry("agent", "Agent"));
    this.#write(this.#agent.get(segment), heard, done ? "" : rest);
  }

  /** The last thing the agent said was cut off. */
  agentCut() {
    [...this.#agent.values()].at(-1)?.classList.add("cut");
  }
}
