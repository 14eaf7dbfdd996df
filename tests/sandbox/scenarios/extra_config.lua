local w = require "world"
local M = { title = "a ConfigMap of extraCommonConfig that is missing is named, stops no pod, and is taken up when it is there" }

local function more(text)
  return { apiVersion = "v1", kind = "ConfigMap", metadata = { name = "more", namespace = w.namespace },
    data = { ["extra.txt"] = text } }
end

local function common()
  return w.read("v1", "ConfigMap", "tiny-druid-common-config").data
end

local function says_missing()
  local druid = w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny")
  local degraded = druid and w.condition(druid, "Degraded")
  return degraded and degraded.reason == "MissingConfigMap"
    and degraded.message:find(w.namespace .. "/more", 1, true), degraded and degraded.message
end

function M.run(ctx)
  -- A cluster that is new waits for it.
  local druid = w.cluster()
  druid.spec.extraCommonConfig = { { name = "more", namespace = w.namespace } }
  w.check(ctx.create(druid))
  w.wait(ctx, "the missing ConfigMap is named", 30, says_missing)
  w.equal(#w.list("apps/v1", "StatefulSet"), 0, "StatefulSets while it is missing")
  w.check(ctx.create(more("one")))
  druid = w.wait(ctx, "the cluster is Ready", 300, function() return w.is_ready() end)
  w.equal(common()["extra.txt"], "one", "the extra file")

  -- One that runs goes on with what it has, whatever else changes.
  w.check(ctx.delete(w.target("v1", "ConfigMap", "more"), { immediate = true }))
  local before = json.encode(w.list("apps/v1", "StatefulSet"))
  w.check(ctx.patch(w.druid(), { spec = { ["jvm.options"] = druid.spec["jvm.options"] .. "\n-Dx=y" } }))
  w.wait(ctx, "it is named again", 150, says_missing)
  w.equal(common()["extra.txt"], "one", "the extra file of a running cluster")
  w.equal(json.encode(w.list("apps/v1", "StatefulSet")), before, "StatefulSets")

  -- Another content is a change of the configuration.
  w.check(ctx.create(more("two")))
  w.wait(ctx, "the new file is there", 300, function() return common()["extra.txt"] == "two" end)
  w.wait(ctx, "the cluster is Ready with both changes", 900, function() return w.is_ready() end)
end

return M
