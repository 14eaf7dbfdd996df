-- A change rolls through 100 pods, in virtual time: how long, beside what it has to wait for, and what was
-- asked of the API server and of Druid for it. That is the time in which a pod is not Ready, or segments are not
-- back by the Coordinator's last run, and what is looked at twice on purpose: a worker is seen without a task for
-- druid.middlemanager.confirm_s, a Historical as before for druid.rollout.questions.settle_s. tests/bench/run
-- prints what this says.
local w = require "world"
local M = { title = "100 pods are updated one after the other" }

local REPLICAS = { historicals = 40, middlemanagers = 20, brokers = 20, routers = 15, overlords = 2, coordinators = 3 }
local LOOK_MS, CONFIRM_MS, SETTLE_MS = 1000, 10000, 5000

local function large(druid)
  druid.spec.podAnnotations = { ["sandbox.nemeton.dev/ready-seconds"] = "30" }
  for key, node in pairs(druid.spec.nodes) do
    node.replicas = REPLICAS[key]
  end
  local node = druid.spec.nodes.historicals
  node.volumeClaimTemplates = { { metadata = { name = "cache" }, spec = { accessModes = { "ReadWriteOnce" },
    resources = { requests = { storage = "1Gi" } } } } }
  node.volumeMounts = { { name = "cache", mountPath = "/druid/cache" } }
end

local function uids()
  local map = {}
  for _, pod in ipairs(w.list("v1", "Pod", "druid_cr=tiny")) do map[pod.metadata.name] = pod.metadata.uid end
  return map
end

-- Of the requests of the operator, and of the time in which a pod or a segment was away.
local function counts()
  return json.decode(w.check(http.request{ method = "GET", url = "http://world/counts" }).body)
end

local function say(format, ...)
  w.check(http.request{ method = "GET", url = "http://world/say/" .. string.format(format, ...) })
end

function M.run(ctx)
  if w.mode ~= "virtual" then return end
  w.check(ctx.create{ apiVersion = "v1", kind = "ConfigMap",
    data = { settings = "sync: 20\ndatasources:\n  wiki: {segments: 80, size: 1000000}\n" },
    metadata = { namespace = w.namespace, name = "tiny-druid-model", labels = { druid_cr = "tiny" } } })
  w.deploy(ctx, nil, large)
  w.wait(ctx, "all segments are there", 600, function() return w.model("status").whole end)
  ctx.sleep(120000)
  w.equal(counts().away, false, "something is away")
  local before, asked, began = uids(), counts(), clock.now_ms()
  w.check(ctx.patch(w.druid(), { spec = { image = "apache/druid:34.0.1" } }))
  for _ = 1, 6 * 3600 * 1000 // LOOK_MS do
    ctx.sleep(LOOK_MS)
    if w.is_ready() then break end
  end
  local wall_ms, now, after = clock.now_ms() - began, counts(), uids()
  local away_ms = now.away_ms - asked.away_ms
  local twice_ms = REPLICAS.middlemanagers * CONFIRM_MS + REPLICAS.historicals * SETTLE_MS
  local replaced = 0
  for name, uid in pairs(before) do
    if after[name] ~= uid then replaced = replaced + 1 end
  end
  w.check(w.is_ready())
  w.equal(replaced, 100, "pods that were replaced")
  w.equal(w.model("status").worst, 0, "segments that were away at the worst")
  say("wall_s %d", wall_ms // 1000)
  say("away_s %d", away_ms // 1000)
  say("twice_s %d", twice_ms // 1000)
  say("ratio %.3f", wall_ms / (away_ms + twice_ms))
  say("api_per_pod %.1f", (now.api - asked.api) / replaced)
  say("events_per_pod %.1f", (now.events - asked.events) / replaced)
  say("polls_per_5_s %.2f", (now.druid_rounds - asked.druid_rounds) * 5000 / wall_ms)
  say("druid_requests %d", now.druid - asked.druid)
end

return M
