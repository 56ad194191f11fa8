import { beginPass } from '../../../controllers/pass/begin-pass.ts';
import type { AppPass } from '../../../controllers/pass/app-pass.ts';
import { ReleaseRecord } from '../../../controllers/pass/release-record.ts';
import { inPlace } from '../../../src/loop/aside.ts';
import type { BeforeSent } from '../../../src/fly/api.ts';
import type { IdleClock } from '../../../src/model/base/clock.ts';
import { momentOf, type Moment } from '../../../src/model/base/moment.ts';
import { silentLog } from '../../../src/model/base/log.ts';
import { createEvidence } from '../../../src/record/evidence.ts';
import { desiredApp } from '../../plan/builders.ts';
import { testStore } from '../../record/stores.ts';
import { flyAnswering, type Call } from '../answered-fly.ts';
import { fleetOf } from '../reconcilers.ts';

interface PassOver {
  readonly pass: AppPass;
  /** As `GET machines`, in the order in which they were sent. */
  readonly calls: readonly string[];
}

/** A pass over the app shop, planned a moment ago, on a Fly that answers so: with a Response, or what one says in JSON. `observedAt`: when it was observed. */
export function passOver(
  clock: IdleClock,
  answer: (call: Call) => unknown,
  { begins = false, observedAt = momentOf(clock) }: { readonly begins?: boolean; readonly observedAt?: Moment } = {},
): PassOver {
  const app = desiredApp();
  const calls: string[] = [];
  const fly = flyAnswering(clock, async (call) => {
    calls.push(`${call.method} ${call.path.split('/').at(-1)}`);
    const answered = await answer(call);
    return answered instanceof Response ? answered : Response.json(answered);
  });
  const services = {
    clock,
    log: silentLog,
    fly,
    store: testStore({ path: ':memory:', clock }),
    evidence: createEvidence({ key: new Uint8Array(32) }),
    onProgress: () => undefined,
    instance: 'test',
    signal: new AbortController().signal,
    patience: 'requeue' as const,
    yieldSlot: inPlace,
  };
  const known = { version: '', told: undefined, first: undefined, status: undefined, open: undefined };
  const pass = beginPass(services, {
    fleet: fleetOf(),
    app,
    newer: undefined,
    stamped: undefined,
    begins,
    handedOver: new Map(),
    leaving: new Set(),
    wayOn: undefined,
    record: new ReleaseRecord({ ...services, app, known }),
    basis: {
      machines: undefined,
      standing: {},
      remembered: [],
      isKnown: false,
      observedAt,
      volumes: [],
      addresses: [],
      releases: undefined,
    },
  });
  return { pass, calls };
}

interface VolumeCall {
  /** Asks before it is sent; the volume's id. */
  readonly create: (beforeSent: BeforeSent) => Promise<string>;
  /** Ids of volumes. Default: none. */
  readonly list?: () => Promise<readonly string[]>;
}

/** A call that makes a volume, which Fly has no key for; the plan knew of none. */
export function volumeCall({ create, list = () => Promise.resolve([]) }: VolumeCall) {
  const idOf = (id: string) => id;
  return { kind: 'volume.create', target: 'data', counted: [], there: 0, list, idOf, create } as const;
}
