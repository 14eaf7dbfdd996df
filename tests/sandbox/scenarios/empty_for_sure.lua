local w = require "world"
local M = { title = "what leaves is known to be empty, whatever part of Druid says nothing or lies" }

local WORKERS, HISTORICALS = "druid-tiny-middlemanagers", "druid-tiny-historicals"

local function uids(set)
  local list = {}
  for _, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. set)) do list[#list + 1] = pod.metadata.uid end
  table.sort(list)
  return list
end

-- Nothing of a set goes for so long, while that is wrong; then it does.
local function stays(ctx, what, set, faults, seconds, change)
  local before = uids(set)
  w.write_model(ctx, "faults", faults)
  change()
  for _ = 1, seconds, 10 do
    ctx.sleep(10000)
    w.equal(uids(set), before, what .. ": pods of " .. set)
  end
  w.write_model(ctx, "faults", "[]\n")
end

local function roll(ctx, round)
  w.check(ctx.patch(w.druid(), { spec = { nodes = { middlemanagers = { podAnnotations = { round = round } } } } }))
end

local function rolled(ctx, what, round, seconds)
  w.wait(ctx, what .. ": the workers are updated", seconds, function()
    for _, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. WORKERS)) do
      if (pod.metadata.annotations or {}).round ~= round then return false, "an old one" end
    end
    return w.is_ready()
  end)
end

-- One that cannot be disabled gets tasks as long as it lives.
local function still_gets_tasks(ctx)
  stays(ctx, "disable fails", WORKERS, "- {method: POST, path: /druid/worker/v1/disable, answer: 500}\n"
    .. "- {method: POST, path: /druid/indexer/v1/worker/, answer: 500}\n", 300, function() roll(ctx, "two") end)
  rolled(ctx, "disable goes", "two", 600)
end

-- A task that only its worker knows of, and one that only the Overlord does.
local function disagree(ctx)
  w.submit(ctx, { known = { "index_parallel", 400 } }, true)
  w.wait_for_tasks(ctx, "RUNNING", 1, 120)
  local worker = w.model("tasks").known.worker
  local uid = w.read("v1", "Pod", worker).metadata.uid
  w.write_model(ctx, "faults", "- {hiddenTask: known}\n")
  roll(ctx, "three")
  ctx.sleep(250000)
  w.equal(w.read("v1", "Pod", worker).metadata.uid, uid, "the worker of a task that the Overlord does not list")
  w.wait_for_tasks(ctx, "SUCCESS", 1, 600)
  rolled(ctx, "the task is done", "three", 900)
  w.submit(ctx, { ghost = { "index_parallel", 90000 } }, true)
  w.wait_for_tasks(ctx, "RUNNING", 1, 120)
  local begun = clock.now()
  w.write_model(ctx, "faults", "- {lostTask: ghost}\n")
  roll(ctx, "four")
  rolled(ctx, "nobody runs the task", "four", 900)
  w.equal(clock.now() - begun >= 120, true, "it is looked at for two minutes")
  local told = false
  for _, event in ipairs(w.events()) do
    told = told or (event.note or event.message or ""):find("the Overlord lists ghost (RUNNING)", 1, true) ~= nil
  end
  w.equal(told, true, "an event about it")
  w.write_model(ctx, "tasks", json.object{})
  w.write_model(ctx, "faults", "[]\n")
end

local function historicals(ctx)
  local function set(count)
    w.check(ctx.patch(w.druid(), { spec = { nodes = { historicals = { replicas = count } } } }))
  end
  -- What a Coordinator says that has just begun to lead: nothing.
  stays(ctx, "no load status, no servers", HISTORICALS, "- {emptyLoadstatus: true}\n"
    .. "- {path: /druid/coordinator/v1/servers, answer: {status: 200, body: \"[]\"}}\n", 200, function() set(2) end)
  w.wait(ctx, "the Historical is gone when the Coordinator knows", 900, function()
    return #uids(HISTORICALS) == 2 and w.is_ready()
  end)
  w.equal(w.model("status").worst, 0, "segments that were away at the worst")
end

function M.run(ctx)
  if w.mode ~= "virtual" then return end   -- nobody plays Druid on a real cluster
  w.make_model(ctx)
  w.deploy(ctx, nil, function(druid)
    druid.spec.druidTimeout = nil
    druid.spec.nodes.middlemanagers.replicas = 2
    druid.spec.nodes.historicals.replicas = 3
  end)
  w.wait(ctx, "all segments are loaded twice", 300, w.all_loaded)
  still_gets_tasks(ctx)
  disagree(ctx)
  historicals(ctx)
end

return M
