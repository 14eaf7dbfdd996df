-- What the former operator made of each Druid object (tests/adoption/recorded), looked at by the policies:
-- nothing of it would restart, and the digests by which the former operator knows its workloads are ours too.
-- Run by tests/adoption/run, which puts the recorded texts beside this file.

local adopt = require "druid.adopt"
local former = require "druid.former.workload"
local groups = require "druid.groups"
local names = require "recorded_names"
local plan = require "druid.plan"
local render = require "druid.render"

-- Clusters of a recording: { { druid =, objects = by "Kind/name" }, … } and the ConfigMaps that were there before.
local function clusters(name)
  local list, before = {}, {}
  for _, object in ipairs(assert(yaml.decode_all(require("recorded." .. name).text))) do
    if object.kind == "Druid" then
      list[#list + 1] = { druid = object, objects = {} }
    elseif #list == 0 then
      before[object.metadata.name] = object.data
    else
      list[#list].objects[object.kind .. "/" .. object.metadata.name] = object
    end
  end
  return list, before
end

local function read(one, before)
  local cluster, extra = groups.cluster(one.druid), {}
  for i, reference in ipairs(one.druid.spec.extraCommonConfig or {}) do
    extra[i] = before[reference.name]
  end
  local wanted = render.cluster(cluster, extra)
  local live = { workloads = {}, configs = {}, claims = {}, before = {}, autoscaled = {} }
  live.common = one.objects["ConfigMap/" .. wanted.common.metadata.name].data
  for _, part in ipairs(wanted.groups) do
    live.workloads[part.group.name] = one.objects[part.group.kind .. "/" .. part.group.name]
    live.configs[part.group.name] = one.objects["ConfigMap/" .. part.config.metadata.name].data
    for _, claim in ipairs(part.claims) do
      live.claims[claim.metadata.name] = one.objects["PersistentVolumeClaim/" .. claim.metadata.name]
    end
  end
  return cluster, wanted, live
end

local cases = {}

for _, name in ipairs(names) do
  cases["nothing restarts when " .. name .. " is taken over"] = function(t)
    local list, before = clusters(name)
    for _, one in ipairs(list) do
      local cluster, wanted, live = read(one, before)
      for _, entry in ipairs(plan.entries(cluster, wanted, live)) do
        t.ok(entry.live, entry.group.name .. " is recorded")
        t.equal(entry.changed, false, entry.group.name .. " restarts")
        t.equal(entry.notes, {}, entry.group.name .. " has notes")
        for _, claim in ipairs(entry.part.claims) do
          local recorded = live.claims[claim.metadata.name].metadata.annotations[adopt.mark]
          t.equal({ recorded ~= nil, (claim.metadata.annotations or {})[adopt.mark] }, { true, recorded },
            "the former operator would not know its claim " .. claim.metadata.name)
        end
      end
    end
  end
  cases["the former operator would know the workloads of " .. name] = function(t)
    local list, before = clusters(name)
    for _, one in ipairs(list) do
      local cluster, wanted, live = read(one, before)
      local digests = former.digests(cluster, wanted)
      for _, part in ipairs(wanted.groups) do
        local workload = live.workloads[part.group.name]
        t.equal(digests[part.group.name], workload.metadata.annotations[adopt.mark], part.group.name)
      end
    end
  end
end

return cases
