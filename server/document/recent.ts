/** What is worth remembering of things that are gone, by name: of the last ones only. */
export class Recent<T> {
  readonly #most: number
  /** Oldest first. */
  readonly #values = new Map<string, T>()

  constructor(most: number) {
    this.#most = most
  }

  put(name: string, value: T): void {
    this.#values.delete(name)
    this.#values.set(name, value)
    const [oldest] = this.#values.keys()
    if (this.#values.size > this.#most && oldest !== undefined) this.#values.delete(oldest)
  }

  /** It is forgotten here with that. */
  take(name: string): T | undefined {
    const value = this.#values.get(name)
    this.#values.delete(name)
    return value
  }
}
