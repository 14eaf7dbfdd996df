-- What the former operator has left unfinished is finished, and what it has not begun is not.
local f = require "former"
local w = require "world"
local M = { title = "takes over clusters in the middle of a rollout, paused, being deleted, with marked volumes" }

local UP = "apache/druid:34.0.0"

function M.run(ctx)
  w.operator("stop-all")
  local rolling = f.restore(ctx, "six")[1]
  local paused = f.restore(ctx, "tiny")[1]
  local going = f.restore(ctx, "tls")[1]
  local marked = f.restore(ctx, "tiers")[1]
  for _, one in ipairs{ rolling, paused, going, marked } do f.wait_for_pods(ctx, one) end

  -- The image was changed; the former operator has got as far as the Historicals.
  w.check(ctx.patch(rolling.target, { spec = { image = UP } }))
  local historicals = w.read("apps/v1", "StatefulSet", "druid-six-historicals")
  w.check(ctx.patch(historicals, { { op = "replace", path = "/spec/template/spec/containers/0/image", value = UP } },
    { type = "json" }))
  local first = w.read("apps/v1", "StatefulSet", "druid-six-historicals").metadata.generation
  w.check(ctx.patch(paused.target, { metadata = { annotations = { ["druid.apache.org/ignored"] = "true" } } }))
  local still = f.snapshot(paused)
  w.check(ctx.delete(going.target))   -- its finalizer holds it
  local claims = {}
  for _, claim in ipairs(w.list("v1", "PersistentVolumeClaim", "druid_cr=tiers")) do
    w.check(ctx.patch(claim, { metadata = { labels = { toBeDeleted = "yes", deletionTS = "1577836800" } } }))
    claims[claim.metadata.name] = claim.metadata.uid
  end
  w.check(next(claims), "there are claims")

  if w.mode ~= "virtual" then
    w.equal((pcall(w.operator, "adopt")), false, "a takeover that goes on with an update is foretold to restart pods")
  end
  w.operator("start")
  w.wait(ctx, "what was being deleted is gone", 120, function() return kube.read(going.target) == nil end)
  w.wait(ctx, "the rollout is over", 400, function() return f.is_ready(rolling) end)
  for _, workload in ipairs(f.workloads(rolling)) do
    if workload.metadata.name ~= "druid-six-brokers" then   -- it names its own image
      w.equal(workload.spec.template.spec.containers[1].image, UP, workload.metadata.name)
    end
  end
  historicals = w.read("apps/v1", "StatefulSet", "druid-six-historicals")
  w.equal(historicals.metadata.generation, first, "a group that was done is not written again")

  w.wait(ctx, "the volumes are no longer marked", 60, function()
    for _, claim in ipairs(w.list("v1", "PersistentVolumeClaim", "druid_cr=tiers")) do
      if claim.metadata.labels.toBeDeleted then return false, claim.metadata.name end
    end
    return true
  end)
  for _, claim in ipairs(w.list("v1", "PersistentVolumeClaim", "druid_cr=tiers")) do
    w.equal(claims[claim.metadata.name], claim.metadata.uid, claim.metadata.name)
    w.equal(claim.metadata.deletionTimestamp ~= nil, false, "deletion of " .. claim.metadata.name)
    claims[claim.metadata.name] = nil
  end
  w.equal(next(claims) == nil, true, "all volumes are there")
  w.equal(f.snapshot(paused), still, "a paused cluster")
  w.check(ctx.patch(paused.target, { metadata = { annotations = { ["druid.apache.org/ignored"] = json.null } } }))
  w.wait(ctx, "the paused cluster is Ready", 60, function() return f.is_ready(paused) end)
  w.equal(f.snapshot(paused), still, "a cluster that was paused")
end

return M
