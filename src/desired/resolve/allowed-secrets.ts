/** What of FlyCD's environment a repo may have that a project brings in: nothing but what the operator allows it by name. */
import type { AllowSecrets } from '../../../schemas/settings.ts';
import type { DesiredSecret } from '../../model/desired.ts';
import type { Project } from '../discover/project.ts';

/** Names, and how names begin (`SHOP_*`), by project. */
export type AllowedSecrets = ReadonlyMap<string, ReadonlySet<string>>;

/** What any of them allows is allowed: none can take back what another one says. */
export function allowedSecrets(written: readonly (AllowSecrets | undefined)[]): AllowedSecrets {
  const allowed = new Map<string, Set<string>>();
  for (const [project, names] of written.flatMap((one) => Object.entries(one ?? {}))) {
    allowed.set(project, new Set([...(allowed.get(project) ?? []), ...names]));
  }
  return allowed;
}

/**
 * The outermost project with a git source on the way to an app, whose name counts: it stands in the operator's own config,
 * while all that is further in may be called as its own repo likes. undefined: every file on the way is the operator's.
 */
function bringing(chain: readonly Project[]): string | undefined {
  return chain.find(({ source }) => source.type === 'git')?.name;
}

/** Marks the secrets whose variables are not to be read. */
export function withRefusals(
  secrets: readonly DesiredSecret[],
  { chain, allowed }: { readonly chain: readonly Project[]; readonly allowed: AllowedSecrets },
): readonly DesiredSecret[] {
  const project = bringing(chain);
  if (project === undefined) return secrets;
  const names = allowed.get(project) ?? new Set();
  return secrets.map((secret) => {
    const { origin } = secret;
    const refused = origin.type === 'env' ? refusalOf(project, names, origin.variable) : undefined;
    return refused === undefined ? secret : { ...secret, refused };
  });
}

function refusalOf(project: string, names: ReadonlySet<string>, variable: string): DesiredSecret['refused'] {
  if (names.has(variable)) return undefined;
  const isMeant = [...names].some((name) => name.endsWith('*') && variable.startsWith(name.slice(0, -1)));
  const isTool = isMeant && isToolVariable(variable);
  return isMeant && !isTool ? undefined : { project, isTool, allowed: [...names] };
}

/**
 * Variables by which tools, clouds and CI services hand on who somebody is, or the way out. They stand in the environment of
 * whoever runs FlyCD without a thought of any app. A name too many costs its operator one whole name in `allow_secrets`; one
 * too few is a credential that a prefix gives away.
 */
const byWhom: Readonly<Record<string, string>> = {
  'the way out': '.*_PROXY PROXY',
  Fly: 'FLY_.* FLYCTL_.*',
  'GitHub and its Actions': '(GH|GITHUB)_.*(TOKEN|PAT|PASSWORD|PRIVATE_KEY) ACTIONS_.* RUNNER_.*',
  // The address of the repository has the job's token in it.
  GitLab: '(GITLAB|GL)_.*(TOKEN|PAT|PASSWORD) CI_.*(TOKEN|PASSWORD) CI_JOB_JWT.* CI_REPOSITORY_URL',
  'other forges': '(BITBUCKET|GITEA|FORGEJO|CODEBERG|GOGS)_.*(TOKEN|PASSWORD|SECRET) SRHT_.*',
  'other CI services':
    '(CIRCLE|BUILDKITE|TRAVIS|DRONE|JENKINS|TEAMCITY|SEMAPHORE|WOODPECKER|CIRRUS)_.*(TOKEN|TOKEN_V2|PASSWORD|SECRET) SYSTEM_ACCESSTOKEN (CODECOV|SONAR|SNYK|SENTRY_AUTH)_TOKEN',
  'git and ssh': 'GIT_.* SSH_.* NETRC GPG_.* GNUPGHOME',
  JavaScript: 'NPM_.* NODE_AUTH_TOKEN YARN_.* PNPM_.* BUN_.*TOKEN JSR_TOKEN',
  Python: '(PYPI|TWINE|POETRY|PIP|UV|PDM|HATCH)_.* CONDA_.*TOKEN',
  'other languages':
    'CARGO_.*TOKEN (GEM_HOST|RUBYGEMS|HEX)_API_KEY BUNDLE_.* COMPOSER_AUTH NUGET_.* (MAVEN|GRADLE|SONATYPE|OSSRH)_.* ORG_GRADLE_PROJECT_.* GOAUTH (JFROG|ARTIFACTORY)_.*',
  Amazon: 'AWS_.*',
  Google: 'GOOGLE_.*(CREDENTIALS|TOKEN).* (GCLOUD|GCP|CLOUDSDK)_.*',
  Microsoft: '(AZURE|ARM|MSI)_.* IDENTITY_(HEADER|ENDPOINT)',
  'other clouds':
    '(CLOUDFLARE|CF|DIGITALOCEAN|HCLOUD|HETZNER|LINODE|SCW|OVH|VULTR|OCI|ALICLOUD|IBMCLOUD|IC)_.*(TOKEN|KEY|SECRET|PASSWORD) (HEROKU|RENDER|FASTLY)_API_(KEY|TOKEN) (VERCEL|RAILWAY|NETLIFY_AUTH)_TOKEN',
  containers: '(DOCKER|DOCKERHUB|COSIGN)_.* REGISTRY_(AUTH|PASSWORD|TOKEN).* SIGSTORE_.*TOKEN',
  Kubernetes: 'KUBECONFIG (KUBE|KUBERNETES|HELM|ARGOCD)_.*',
  'what makes infrastructure': '(TF|PULUMI|ANSIBLE)_.* (TFE|ATLAS)_TOKEN',
  'stores of secrets':
    '(VAULT|CONSUL|NOMAD|BOUNDARY|SOPS|AGE|BW|BWS)_.* OP_(SESSION.*|.*TOKEN) (DOPPLER|INFISICAL)_TOKEN',
};

/** Some tools read their names in small letters as well. */
const toolVariable = new RegExp(`^(?:${Object.values(byWhom).join(' ').replaceAll(' ', '|')})$`, 'is');
/** Three times the longest name of any tool above. Whoever writes app.yaml may write a name that takes a pattern hours to read. */
const charactersMax = 128;

/** A name that is too long to be looked at counts as one. */
export function isToolVariable(name: string): boolean {
  return name.length > charactersMax || toolVariable.test(name);
}
