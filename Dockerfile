# The guard as an image: Node 24 runs the bundle of src/, as a user without rights, on a read-only root file system.
#   docker build -t gitops-guard .          or: buildah bud -t gitops-guard .
# Both bases are build arguments, for registries of your own and for builds without one (test/image does that). The
# first needs node and npm, the second only Debian's apt: so npm, yarn and corepack never reach the image that runs.
ARG NODE_IMAGE=docker.io/library/node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6
# Go builds the two programs that render sources, kustomize and helm, from their pinned modules. RENDERERS names an image that has them in
# /renderers already: then no Go is needed.
ARG GO_IMAGE=docker.io/library/golang:1.26.8-bookworm
ARG RENDERERS=built-renderers
ARG RUNTIME_IMAGE=docker.io/library/debian:bookworm-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# No package needs its install script here, and none of them reaches the image: the bundle holds what it uses.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY esbuild.config.js ./
COPY supply-chain supply-chain
COPY src src
# Beside the bundle: the licences of what is in it, and a bill of materials.
RUN npm run build && node supply-chain/write-sbom.ts
# `COPY --from` follows a symbolic link, so this is the binary wherever the base keeps it.
RUN cp "$(command -v node)" /usr/local/bin/node-binary

FROM ${GO_IMAGE} AS built-renderers
ENV CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local
COPY test/renderers/build /build
RUN build() { \
      cd "/build/$1" && go build -trimpath -o "/renderers/$1" \
        -ldflags="-s -w -X $4=$(go list -m -f '{{.Version}}' "$2")" "$3"; \
    } \
 && mkdir /renderers \
 && build kustomize sigs.k8s.io/kustomize/kustomize/v5 sigs.k8s.io/kustomize/kustomize/v5 sigs.k8s.io/kustomize/api/provenance.version \
 && build helm helm.sh/helm/v4 helm.sh/helm/v4/cmd/helm helm.sh/helm/v4/internal/version.version

FROM ${RENDERERS} AS renderers

FROM ${RUNTIME_IMAGE}
# git, and ssh for it, read the sources; tini ends what git leaves behind when it forks. ssh wants its user in
# /etc/passwd. apt's lists, logs and caches go, so that the same packages give the same layer.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git openssh-client tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
 && groupadd --gid 65532 guard \
 && useradd --uid 65532 --gid 65532 --no-log-init --home-dir /var/lib/gitops-guard --shell /usr/sbin/nologin guard \
 && install -d -o 65532 -g 65532 -m 0700 /var/lib/gitops-guard
COPY --from=packages /usr/local/bin/node-binary /usr/local/bin/node
COPY --from=renderers /renderers /usr/local/lib/gitops-guard/renderers
COPY --from=packages /app/dist /app/dist
COPY package.json /app/
COPY deploy /app/deploy
RUN ln -s /app/dist/cli.js /usr/local/bin/gitops-guard && ln -s /app/dist/cli.js /usr/local/bin/kubectl-guard && gitops-guard --version

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="gitops-guard" \
      org.opencontainers.image.description="Makes Git the only way to change a Kubernetes cluster." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production HOME=/var/lib/gitops-guard GITOPS_GUARD_RENDERERS=/usr/local/lib/gitops-guard/renderers
WORKDIR /app
USER 65532:65532
# /validate over HTTPS; /healthz, /readyz and /metrics over HTTP.
EXPOSE 9443 8080
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/bin/node", "/app/dist/cli.js"]
CMD ["serve"]
