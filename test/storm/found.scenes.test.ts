import { expect, test } from 'vitest';
import { storm } from './storm.ts';

/** Seeds that broke something once, each of a kind: what it was is fixed. */
test.each([
  [1059, 'reads of one app fifteen seconds apart set its secret again'],
  [60_330, 'the record of a release whose machine was destroyed by hand, its database lost'],
  [70_112, 'two of two down after a resume'],
  [70_115, 'as above, by another way'],
  [70_781, 'two repos'],
  [70_821, 'a release that failed'],
  [90_063, 'two passes at once each take away the group that came with a release that failed'],
  [201_338, 'a machine that its host took down stayed stopped'],
  [1_005_115, 'two FlyCDs each restart a machine for its volume'],
  [1_005_168, 'a canary that did not get well goes with the word that undoes it'],
  [1_005_199, 'a bluegreen by hand leaves a standby to a machine that is gone'],
  [1_005_228, 'git moves in the millisecond of a failure that is told of again'],
  [1_006_149, 'a canary that did not get well is held by its id'],
  [1_320_816_237, 'a canary of a machine that FlyCD had not given its own id yet'],
  [1_320_816_596, 'a machine to be seen healthy waits for a bluegreen that is over, beside one of nobody’s'],
  [1_320_816_265, 'under `drift: off`, what a bluegreen by hand made'],
  [1_320_816_943, 'under `drift: off`, a killed create whose machine was not started, and a clone of it'],
  [1_320_818_072, 'an app to be adopted that is suspended is resumed first'],
  [1_500_004_689, 'under `drift: off`, a standby of a bluegreen by hand'],
  [1_500_006_391, 'under `drift: off`, a canary that did not get well'],
  [1_500_025_830, 'two FlyCDs at once set a secret, and the second one updates a machine for it in that very pass'],
  [1_500_026_877, 'an address was released while a person released the one that was to stay'],
  [1_623_450_152, 'two FlyCDs at once, and a volume by hand: a refused create kept its claim of a volume'],
  [1_623_450_154, 'a person is told that a call comes too early, and tries again'],
  [1_262_028_008, 'under `drift: off`, a deployment by hand took all machines of a group'],
  [1_623_449_832, 'under `drift: off`, a bluegreen by hand of a machine that somebody had stopped'],
  [733_100_019, 'a bluegreen by hand that died between two tags, and a green machine that was destroyed then'],
  [733_101_133, 'a person clones a machine that runs a release command'],
  [733_100_024, 'under `drift: report`, a commit mends an image that crashed until its restarts ran out'],
  [1_459_501_381, 'a standby that failed with its image is booted beside its machine when git mends it'],
  [1_459_502_021, 'who came second takes its release command’s machine away'],
  [1_459_503_452, 'a record whose only machine Fly took back, the database lost'],
  [1_459_509_751, 'under a rollback an address stays that git no longer names'],
  [1_459_506_922, 'a lost database, groups renamed by hand: adopt and --now ask for each other'],
  [1_459_512_962, 'a lost database, a group scaled to 0: --now asks for adopt'],
  [1_459_517_691, 'a clone of a machine that FlyCD had not given its own id yet goes, held by a deployment by hand'],
  [1_459_508_042, 'a word that nobody knew but what a bluegreen by hand had copied it to'],
  [1_459_512_862, 'two machines made side by side, of which the later one was asked for first'],
  [733_400_570, 'who accepts that an app goes accepts who else is in it'],
  [733_400_633, 'a standby pulls its image for longer than a pass takes to settle'],
])('seed %i: %s', async (seed) => {
  const { findings, story } = await storm(seed);
  expect(findings, story.join('\n')).toEqual([]);
});
