// A service worker: the page works without a network after its first load, and is cross-origin isolated (so that the
// runtime may use threads) wherever it is served from.
const BUILD = "unbuilt";  // the builder puts a hash here: a new build is a new cache
const NAME = `pasticcio-${new URL(self.registration.scope).pathname}-`, CACHE = NAME + BUILD;

self.addEventListener("install", event => event.waitUntil((async () => {
  const cache = await caches.open(CACHE), { files } = await (await fetch("page.json", { cache: "no-cache" })).json();
  await cache.addAll(files.map(file => new Request(file, { cache: "no-cache" })));
  await self.skipWaiting();
})()));

self.addEventListener("activate", event => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith(NAME) && name !== CACHE) await caches.delete(name);
  await self.clients.claim();
})()));

self.addEventListener("fetch", event => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin || !request.url.startsWith(self.registration.scope)) return;
  event.respondWith(answered(request));
});

async function answered(request) {
  const cache = await caches.open(CACHE), known = await cache.match(request, { ignoreSearch: true });
  if (known) return isolated(known);
  const response = await fetch(request);
  if (response.ok && response.status === 200) await cache.put(request, response.clone());
  return isolated(response);
}

function isolated(response) {
  if (response.type === "opaque" || response.type === "opaqueredirect") return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
