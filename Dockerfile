# syntax=docker/dockerfile:1.20
# One image for all apps; the command chooses: node apps/orchestrator/dist/main.js, node apps/payment-worker/dist/main.js, …
FROM node:20.20.2-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Only the manifests first: the layer with the dependencies stays valid while only sources change.
COPY --parents libs/*/package.json apps/*/package.json ./
RUN npm ci
COPY tsconfig.base.json tsconfig.json ./
COPY libs libs
COPY apps apps
RUN npx tsc -b && npm prune --omit=dev && find libs apps -name src -type d -prune -exec rm -rf {} +

FROM node:20.20.2-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build --chown=root:root /app ./
USER node
EXPOSE 3000
CMD ["node", "apps/orchestrator/dist/main.js"]
