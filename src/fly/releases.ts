import { ReleaseList } from '../../schemas/fly/release.ts';
import type { FlyReader } from './api.ts';
import type { Call, Transport } from './transport.ts';

/** One that is in progress is among the newest few: each of them is somebody's deployment. */
const releasesMost = 10;
/** A pass that changes an app waits no longer than this to know whether somebody deploys it. */
const releasesPatienceMs = 5_000;

export function releaseReads(transport: Transport): Pick<FlyReader, 'releases'> {
  return {
    async releases(app) {
      const call: Call = {
        surface: 'web',
        method: 'GET',
        route: '/apps/{app}/releases',
        path: { app },
        query: [['limit', String(releasesMost)]],
        purpose: 'list the releases',
        effect: 'read',
        patienceMs: releasesPatienceMs,
      };
      return (await transport.ask(call, ReleaseList)).releases;
    },
  };
}
