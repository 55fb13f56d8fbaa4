/** What a command is: it takes the configuration and its arguments, and resolves with what goes to stdout. */
import type { Config } from '../config.ts'

/** What was typed makes no sense; the message says what would. */
export class UsageError extends Error {}

export type Command = (config: Config, args: readonly string[]) => Promise<string>
