/** Where Fly's regions are, in degrees, with those that were retired. Source: Fly's list of regions and of its prices, August 2026. */

interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

interface RetiredRegion extends Place {
  readonly name: string;
}

const at = (latitude: number, longitude: number): Place => ({ latitude, longitude });

export const regionPlaces: Readonly<Record<string, Place>> = {
  ams: at(52.4, 4.9),
  arn: at(59.7, 17.9),
  bom: at(19.1, 72.9),
  cdg: at(48.9, 2.4),
  dfw: at(32.8, -96.8),
  ewr: at(40.8, -74.1),
  fra: at(50.1, 8.7),
  gru: at(-23.5, -46.7),
  iad: at(39, -77.5),
  jnb: at(-26.2, 28),
  lax: at(33.9, -118.4),
  lhr: at(51.5, -0.1),
  nrt: at(35.6, 139.7),
  ord: at(41.9, -87.6),
  sin: at(1.3, 103.8),
  sjc: at(37.4, -121.9),
  syd: at(-33.9, 151.2),
  yyz: at(43.6, -79.4),
};

/** Nothing new can be had there; what ran there may still run. */
export const retiredRegions: Readonly<Record<string, RetiredRegion>> = {
  atl: { name: 'Atlanta, Georgia (US)', ...at(33.6, -84.4) },
  bog: { name: 'Bogota, Colombia', ...at(4.7, -74.1) },
  bos: { name: 'Boston, Massachusetts (US)', ...at(42.4, -71) },
  den: { name: 'Denver, Colorado (US)', ...at(39.9, -104.7) },
  eze: { name: 'Ezeiza, Argentina', ...at(-34.8, -58.5) },
  gdl: { name: 'Guadalajara, Mexico', ...at(20.5, -103.3) },
  gig: { name: 'Rio de Janeiro, Brazil', ...at(-22.8, -43.3) },
  hkg: { name: 'Hong Kong', ...at(22.3, 113.9) },
  mad: { name: 'Madrid, Spain', ...at(40.5, -3.6) },
  mia: { name: 'Miami, Florida (US)', ...at(25.8, -80.3) },
  otp: { name: 'Bucharest, Romania', ...at(44.6, 26.1) },
  phx: { name: 'Phoenix, Arizona (US)', ...at(33.4, -112) },
  qro: { name: 'Queretaro, Mexico', ...at(20.6, -100.2) },
  scl: { name: 'Santiago, Chile', ...at(-33.4, -70.8) },
  sea: { name: 'Seattle, Washington (US)', ...at(47.4, -122.3) },
  waw: { name: 'Warsaw, Poland', ...at(52.2, 21) },
  yul: { name: 'Montreal, Canada', ...at(45.5, -73.7) },
};
