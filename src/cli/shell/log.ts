import type { Log } from '../../model/base/log.ts';
import type { Redactor } from '../../model/base/secret-value.ts';
import { plain } from '../../model/base/plain.ts';
import { isDebugging, type Io } from './io.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof levels)[number];

/** What a command says besides its answer: warnings and errors, a loop its news too; all of it with FLYCD_DEBUG=1. */
export function createTerminalLog(io: Io, redactor: Redactor, lowest: Level = 'warn'): Log {
  const shown = levels.slice(levels.indexOf(isDebugging(io.env) ? 'debug' : lowest));
  const line = (level: Level) => (fields: object, message: string) => {
    if (!shown.includes(level)) return;
    const details = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => ` ${key}=${fieldText(value)}`);
    const word = level === 'warn' ? 'warning' : level;
    io.stderr.write(`${redactor.redact(plain(`${word}: ${message}${details.join('')}`))}\n`);
  };
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

function fieldText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return typeof value === 'string' && /^[\w./:@+-]+$/.test(value) ? value : (JSON.stringify(value) ?? String(value));
}

/** JSON lines for a service. Redaction is the last stage: it sees messages and stacks too, not only named fields. */
export async function createServiceLog(io: Io, redactor: Redactor): Promise<Log> {
  const { pino } = await io.clock.busy(() => import('pino'));
  const debugging = isDebugging(io.env);
  const ofError = (value: unknown): unknown => {
    if (!(value instanceof Error)) return value;
    return { name: value.name, message: value.message, ...(debugging ? { stack: value.stack } : {}) };
  };
  const logger = pino(
    {
      level: debugging ? 'debug' : 'info',
      base: null,
      timestamp: () => `,"time":"${new Date(io.clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: ofError, error: ofError, fault: ofError },
    },
    {
      write(line: string) {
        io.stderr.write(redactor.redact(line));
      },
    },
  );
  return {
    debug(fields, message) {
      logger.debug(fields, message);
    },
    info(fields, message) {
      logger.info(fields, message);
    },
    warn(fields, message) {
      logger.warn(fields, message);
    },
    error(fields, message) {
      logger.error(fields, message);
    },
  };
}
