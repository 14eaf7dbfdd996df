-- The former operator is still there: nothing is written until it is gone, or until its user says so.
local f = require "former"
local w = require "world"
local M = { title = "stays away from a cluster while the former operator works on it, and says so" }

local function waits(ctx, one, words)
  w.wait(ctx, "the condition that tells of the former operator: " .. words, 60, function()
    local progressing = w.condition(w.check(kube.read(one.target)), "Progressing")
    local message = progressing and progressing.reason == "OtherOperator" and progressing.message
    return message and message:find(words, 1, true) ~= nil, progressing and progressing.message
  end)
end

-- The model of Druid notes that it was asked, which changes nothing of the cluster.
local function resource_versions(one)
  local all = {}
  for _, kind in ipairs{ { "apps/v1", "StatefulSet" }, { "v1", "Service" }, { "v1", "ConfigMap" } } do
    for _, object in ipairs(w.check(kube.read_list{ apiVersion = kind[1], kind = kind[2], namespace = one.target.namespace,
      labels = "druid_cr=" .. one.target.name })) do
      if object.metadata.name ~= one.target.name .. "-druid-model" then
        all[kind[2] .. "/" .. object.metadata.name] = object.metadata.resourceVersion
      end
    end
  end
  return all
end

local function lease(name)
  return { apiVersion = "coordination.k8s.io/v1", kind = "Lease", namespace = w.namespace, name = name }
end

function M.run(ctx)
  w.operator("stop-all")
  -- Its last write lies ahead, so that it counts for as long as this takes.
  local fresh = f.restore(ctx, "tiny", nil, clock.rfc3339(clock.now() + 86400))[1]
  local led = f.restore(ctx, "extra")[1]
  f.wait_for_pods(ctx, fresh)
  f.wait_for_pods(ctx, led)
  local holder = lease("e6946145.apache.org")
  w.check(ctx.create{ apiVersion = holder.apiVersion, kind = holder.kind,
    metadata = { name = holder.name, namespace = holder.namespace },
    spec = { holderIdentity = "druid-operator_1", leaseDurationSeconds = 15,
      renewTime = clock.rfc3339(clock.now() + 600):gsub("Z", ".000000Z") } })
  local before = { f.snapshot(fresh), f.snapshot(led), resource_versions(fresh), resource_versions(led) }
  w.operator("start")
  waits(ctx, led, "its Lease")
  waits(ctx, fresh, "its Lease")
  w.check(ctx.delete(holder))
  -- Without a Lease the one that it has not written for long is taken over, the other is not.
  w.wait(ctx, "the cluster is Ready", 60, function() return f.is_ready(led) end)
  waits(ctx, fresh, "it wrote")
  w.equal(resource_versions(fresh), before[3], "versions of a cluster that was to be left alone")
  w.equal(f.snapshot(led), before[2], "templates and pods of a cluster that was taken over")
  w.check(ctx.patch(fresh.target, { metadata = { annotations = { ["nemeton.dev/adopt"] = "now" } } }))
  w.wait(ctx, "the other is Ready", 60, function() return f.is_ready(fresh) end)
  w.equal(f.snapshot(fresh), before[1], "templates and pods of the other")
  w.wait(ctx, "its workloads are taken over", 60, function()
    for _, set in ipairs(f.workloads(fresh)) do
      if not set.metadata.annotations["nemeton.dev/template"] then return false, set.metadata.name end
    end
    return true
  end)
end

return M
