// Tells those who look at it that something changed, once for all that changed between two pictures.

export class Observable {
  #watchers = new Set();
  #due = false;

  /** Returns the function that ends it. */
  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  changed() {
    if (this.#due) return;
    this.#due = true;
    const tell = () => {
      this.#due = false;
      for (const watcher of [...this.#watchers]) watcher();
    };
    if (document.hidden) setTimeout(tell, 200); // no pictures are made of a hidden page
    else requestAnimationFrame(tell);
  }
}
