import type { Moment } from './base/moment.ts';
import type { App, AppSecret, IpAssignment, Volume } from '../../schemas/fly/app.ts';
import type { Certificate } from '../../schemas/fly/certificate.ts';
import type { Machine } from '../../schemas/fly/machine.ts';
import type { Release } from '../../schemas/fly/release.ts';
import type { StoredMemory } from './standing/memory.ts';
import type { RemovalHistory } from './removal.ts';
import type { V0Versions } from './stamps/v0-versions.ts';

/** What Fly said, or why it could not be read. Unread holds every step of that kind and those that need it. */
export type Reading<T> =
  | { readonly status: 'read'; readonly value: T }
  /** `retryAt`: not before, as Fly asked; milliseconds since the epoch. */
  | { readonly status: 'unread'; readonly reason: string; readonly retryAt?: number | undefined };

export type AppPresence =
  | { readonly state: 'absent' }
  /** The name belongs to another organization: Fly answers 403. */
  | { readonly state: 'taken' }
  | { readonly state: 'present'; readonly app: App };

export interface ObservedApp {
  /** Asked for only where an image is needed that no machine runs. */
  readonly image?: ImageSight | undefined;
  /** Images that a plan brings and no machine carries, and that their registry gives to nobody without credentials. */
  readonly unpullable?: readonly UnpullableImage[] | undefined;
  /** What FlyCD 0.x wrote on machines whose image git still wants. Asked for as the image is. */
  readonly fromV0?: readonly V0Versions[] | undefined;
  readonly name: string;
  readonly askedAt: Moment;
  /** Milliseconds that Fly's clock was ahead of the one that says `askedAt.now`. */
  readonly flyAheadMs: number;
  readonly app: Reading<AppPresence>;
  /** Fly's id of the app: another one where it was destroyed and made again. undefined: it is not there, or Fly does not say. */
  readonly id?: string | undefined;
  /** Slug of the organization that the app is in. undefined: it is not there, or Fly does not say. */
  readonly org?: string | undefined;
  /** Organizations of the token. Asked for only where git's may be another name of the one that the app is in. */
  readonly reached?: Reading<readonly string[]> | undefined;
  /** With leases, without destroyed ones. */
  readonly machines: Reading<readonly Machine[]>;
  /** Without those on their way out (goneVolumeStates). */
  readonly volumes: Reading<readonly Volume[]>;
  readonly secrets: Reading<readonly AppSecret[]>;
  readonly addresses: Reading<readonly IpAssignment[]>;
  /**
   * Asked for only where it matters who is at work; undefined: not asked. The one kind that holds nothing when it is
   * unread: it comes from an interface of Fly's that may change.
   */
  readonly releases?: Reading<readonly Release[]> | undefined;
  /** Destroyed machines. Asked for only where a release seems to be somebody else's; undefined: not asked, or unread. */
  readonly departed?: readonly Machine[] | undefined;
  /** true: they were asked for. Default false. */
  readonly isDepartedUnread?: boolean | undefined;
}

/** An app of this fleet on Fly that git does not name. */
export interface OrphanedApp {
  readonly name: string;
  /** As of an app that git names. */
  readonly flyAheadMs: number;
  readonly org: string;
  /** undefined: nobody has looked at it by itself yet, or Fly does not say. */
  readonly id?: string | undefined;
  /** true: nothing but the token led to its organization, so that it may be another fleet's of the same name. */
  readonly isGuessed?: boolean | undefined;
  /** Also those that are not the fleet's. */
  readonly machines: readonly Machine[];
  /** What goes with the app. Asked for only where it would be destroyed. */
  readonly contents?: OrphanContents | undefined;
  /** Asked for only where it would be destroyed. */
  readonly history?: RemovalHistory | undefined;
  /** What SQLite remembers of the app by its name: what was said its machines need not know. */
  readonly remembered?: StoredMemory | undefined;
  /** Why it could not be looked at whole before it is destroyed. undefined: it was, or nobody has tried yet. */
  readonly unread?: string | undefined;
  /** Asked for only where the app would be destroyed. */
  readonly releases?: Reading<readonly Release[]> | undefined;
  /** Destroyed machines, asked for as those of an app that git names. */
  readonly departed?: readonly Machine[] | undefined;
}

/** One that could not be looked through whole for apps that git does not name. */
export interface UnreadOrganization {
  readonly org: string;
  readonly reason: string;
}

export interface OrphanContents {
  readonly volumes: Reading<readonly Volume[]>;
  readonly addresses: Reading<readonly IpAssignment[]>;
  readonly certificates: Reading<readonly Certificate[]>;
  readonly secrets: Reading<readonly AppSecret[]>;
}

export interface UnpullableImage {
  /** As it would be sent. */
  readonly ref: string;
  readonly why: string;
}

/** What is known of the image that an app's source is built to. */
export interface ImageSight {
  /** `registry/app:label`, without a digest: where it lies, or will. */
  readonly ref: string;
  readonly found:
    | { readonly state: 'there'; readonly digest: string }
    /** Another app has it in its repository: taken from there. */
    | { readonly state: 'elsewhere'; readonly app: string; readonly digest: string }
    | { readonly state: 'nowhere' }
    | { readonly state: 'unread'; readonly reason: string };
  /** Why nothing can be built here. */
  readonly missing: { readonly why: string; readonly next: string } | undefined;
  /** The last lines of this very build, where it failed before. */
  readonly failed: string | undefined;
  /** Other apps that are built from the same. */
  readonly shared: readonly string[];
}
