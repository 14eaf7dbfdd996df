local w = require "world"
local M = { title = "a tier of two groups of one pod each: while one of them is broken the other stays, at every stage" }

local GROUPS = { "east", "west" }

-- Two groups in place of one, in the same tier; all data is on both of their pods.
local function split(druid)
  local one = druid.spec.nodes.historicals
  druid.spec.nodes.historicals = nil
  for _, key in ipairs(GROUPS) do
    druid.spec.nodes[key] = json.copy(one)
    druid.spec.nodes[key].replicas = 1
  end
end

local function name_of(key) return "druid-tiny-" .. key end
local function pod_of(key) return w.read("v1", "Pod", name_of(key) .. "-0") end

local function is_ready(key)
  local pod = pod_of(key)
  local ready = pod and w.condition(pod, "Ready")
  return ready and ready.status == "True"
end

local function set_crash(ctx, key, code)
  w.check(ctx.patch(w.target("v1", "Pod", name_of(key) .. "-0"),
    { metadata = { annotations = { ["sandbox.nemeton.dev/crashes"] = code or json.null } } }))
end

-- Breaks a pod, and waits until the Coordinator has counted without it: by the servers that are there nothing is lacking.
local function break_pod(ctx, key)
  set_crash(ctx, key, "1")
  w.wait(ctx, key .. " is not ready", 60, function() return not is_ready(key) end)
  ctx.sleep(130000)
end

local function edit(ctx, key, round)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { [key] = { podAnnotations = { round = round } } } } }))
end

local function heal(ctx, key, what)
  set_crash(ctx, key)
  w.wait(ctx, what .. ": the cluster is Ready", 900, function() return w.is_ready() end)
  w.wait(ctx, what .. ": all segments are there", 300, w.all_loaded)
  w.equal(w.model("status").worst, 0, what .. ": segments that were away")
end

local function words_of(key)
  for _, group in ipairs(w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").status.groups or {}) do
    if group.name == key then return group.waitsFor or "" end
  end
  return ""
end

-- The pod is there, and stays for so long.
local function stays(ctx, key, seconds)
  local uid = pod_of(key).metadata.uid
  for _ = 1, seconds, 5 do
    ctx.sleep(5000)
    local pod = pod_of(key)
    if not pod or pod.metadata.uid ~= uid or pod.metadata.deletionTimestamp then
      error(key .. " was replaced while the other group of its tier was broken", 2)
    end
  end
end

function M.run(ctx)
  if w.mode ~= "virtual" then return end   -- nobody plays Druid, or minutes are minutes
  w.make_model(ctx)
  w.deploy(ctx, nil, split)
  w.wait(ctx, "all segments are there", 300, w.all_loaded)

  -- The group that comes later in the order is broken: its turn or not, the first one is not even written.
  break_pod(ctx, "west")
  edit(ctx, "east", "one")
  stays(ctx, "east", 200)
  local set = w.read("apps/v1", "StatefulSet", name_of("east"))
  w.equal((set.spec.template.metadata.annotations or {}).round or "none", "none", "the template of the other group")
  w.equal(words_of("east"), "west has 0 of 1 pods ready", "what it waits for")
  heal(ctx, "west", "one")

  -- It breaks when the other one is held already, and about to go.
  w.write_model(ctx, "faults", "- {emptyLoadstatus: true}\n")
  edit(ctx, "east", "two")
  w.wait(ctx, "east is held", 120, function()
    return (w.read("apps/v1", "StatefulSet", name_of("east")).metadata.annotations or {})["nemeton.dev/step"]
  end)
  break_pod(ctx, "west")
  w.write_model(ctx, "faults", "[]\n")
  stays(ctx, "east", 200)
  heal(ctx, "west", "two")
  w.equal(pod_of("east").metadata.annotations.round, "two", "the update")

  -- Nobody can be asked about segments any more: what Kubernetes knows of the tier is enough to stay.
  w.write_model(ctx, "faults", "- {emptyLoadstatus: true}\n")
  edit(ctx, "east", "three")
  w.wait(ctx, "east is held again", 120, function()
    return (w.read("apps/v1", "StatefulSet", name_of("east")).metadata.annotations or {})["nemeton.dev/step"]
  end)
  set_crash(ctx, "west", "1")
  w.wait(ctx, "west is not ready", 60, function() return not is_ready("west") end)
  ctx.sleep(90000)   -- the operator knows it, too
  w.write_model(ctx, "faults", "- {path: /druid/coordinator/v1/loadstatus, answer: refuse}\n"
    .. "- {path: /druid/coordinator/v1/servers, answer: refuse}\n")
  stays(ctx, "east", 900)
  w.equal(words_of("east"), "druid-tiny-west-0 is not ready", "what it waits for while Druid is silent")
  w.write_model(ctx, "faults", "[]\n")
  heal(ctx, "west", "three")

  -- A corrected spec gets through: a broken group is not in its own way.
  break_pod(ctx, "west")
  edit(ctx, "west", "four")
  w.wait(ctx, "the broken pod is replaced", 300, function()
    local pod = pod_of("west")
    return pod and (pod.metadata.annotations or {}).round == "four" and is_ready("west")
  end)
  w.wait(ctx, "the cluster is Ready", 600, function() return w.is_ready() end)
end

return M
