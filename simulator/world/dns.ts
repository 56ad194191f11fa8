/** What the name servers of the world answer: values by name. `A`, `AAAA`, `CNAME` and `TXT` stand side by side. */
export type Dns = Map<string, readonly string[]>;

/** Values of a name, lower case; none where nobody answers. */
export function answersOf(dns: Dns, name: string): readonly string[] {
  return dns.get(name.toLowerCase()) ?? [];
}
