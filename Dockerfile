# FlyCD as an image: built with every dependency, shipped with those it runs on.
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# better-sqlite3 ships its binaries; allowScripts in package.json keeps npm from looking for a compiler.
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev && rm -rf node_modules/better-sqlite3/deps node_modules/better-sqlite3/src

FROM node:24-slim
# git reads config repos; openssh-client those reached by ssh; setpriv (util-linux) drops root.
RUN apt-get update \
 && apt-get install -y --no-install-recommends git openssh-client ca-certificates util-linux \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin flycd
# Builds images of apps that have a source; without it only those are blocked.
COPY --from=flyio/flyctl:latest /flyctl /usr/local/bin/flyctl
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY --from=build /build/docker-entrypoint.sh ./
# A small young generation: passes over many apps make short-lived garbage, and memory is what the machine has least of.
ENV NODE_ENV=production XDG_STATE_HOME=/data NODE_OPTIONS=--max-semi-space-size=8
EXPOSE 8080
ENTRYPOINT ["/app/docker-entrypoint.sh"]
CMD ["node", "/app/dist/src/main.js", "serve"]
