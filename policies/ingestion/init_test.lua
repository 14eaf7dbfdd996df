-- Whole runs for batches, settings and deletions: what is submitted, how often, and what is told.

local condition = require "lib.condition"
local job_of = require "ingestion.job"
local retire = require "ingestion.retire"
local world_of = require "ingestion.world_test"

local batch, has, new_world, stream = world_of.batch, world_of.has, world_of.new, world_of.stream

return {
  ["Q25: a batch is submitted once and followed to its end, and its specification is never written"] = function(t)
    local world = new_world(batch())
    local spec = json.encode(world.object.spec)
    t.ok(world.run().requeue_ms)
    t.equal(json.encode(world.object.spec), spec)
    t.equal({ world.status().phase, world.status().type }, { "Running", "DruidIngestionControllerCreateSuccess" })
    t.equal(world.object.metadata.finalizers, { job_of.finalizer })
    t.equal(world.events, { "DruidIngestionControllerCreateSuccess" })
    world.run()
    world.db.tasks[world.db.posts[1]] = "SUCCESS"
    world.run()
    t.equal({ world.status().phase, world.events[1] }, { "Succeeded", "TaskSucceeded" })
    t.equal({ world.run() == nil, #world.db.posts, #world.events }, { true, 1, 0 }, "nothing is left to look at")
    t.ok(condition.is_true(world.status().conditions, "Ready"))
  end,
  ["Q25: a lost answer submits nothing twice"] = function(t)
    local world = new_world(batch())
    world.lose = "POST /druid/indexer/v1/task"
    world.run()
    t.equal(world.status().phase, "Waiting")
    t.equal(world.events, {})
    world.lose = nil
    world.run()
    t.equal({ world.status().phase, #world.db.posts, world.status().taskId }, { "Running", 1, world.db.posts[1] })
  end,
  ["a status that was lost submits nothing twice"] = function(t)
    local world = new_world(batch())
    world.run()
    world.object.status = nil
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 1 })
  end,
  ["a task that failed is told with Druid's words and not run again"] = function(t)
    local world = new_world(batch())
    world.run()
    world.db.tasks[world.db.posts[1]], world.db.error = "FAILED", "no such file"
    world.run()
    world.run()
    t.equal({ world.status().phase, #world.db.posts, #world.events }, { "Failed", 1, 0 })
    t.ok(world.status().message:find("no such file", 1, true), world.status().message)
  end,
  ["a task that Druid forgot is told and not run again"] = function(t)
    local world = new_world(batch())
    world.run()
    world.db.tasks = {}
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Lost", 1 })
  end,
  ["another specification ends the running task and is submitted then"] = function(t)
    local world = new_world(batch())
    world.run()
    local first = world.status().taskId
    world.object.spec.ingestion = batch({ context = { a = 1 } })
    world.run()
    t.equal(world.db.tasks[first], "FAILED")
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 2 })
    t.ok(world.status().taskId ~= first)
    t.equal(world.status().type, "DruidIngestionControllerCreateSuccess")
  end,
  ["the same specification in other words, or as text, is the same"] = function(t)
    local world = new_world(batch())
    world.run()
    world.object.spec.ingestion = { type = "native-batch",
      spec = '{ "spec": {"dataSchema": {"dataSource": "wiki"}},\n "type": "index_parallel" }' }
    world.run()
    t.equal({ #world.db.posts, world.status()["currentIngestionSpec.json"] }, { 1, world.object.spec.ingestion.spec })
  end,
  ["the annotation runs a finished task once more, and its removal does not"] = function(t)
    local world = new_world(batch())
    world.run()
    world.db.tasks[world.db.posts[1]] = "SUCCESS"
    world.run()
    world.object.metadata.annotations = { [job_of.again] = "2026-01-01" }
    world.run()
    t.equal(#world.db.posts, 2)
    world.run()
    world.object.metadata.annotations = json.object({})
    world.run()
    t.equal(#world.db.posts, 2)
  end,
  ["an id of the user's own is used, and not for two specifications"] = function(t)
    local world = new_world(batch({ id = "mine" }))
    world.run()
    t.equal({ world.db.posts[1], world.status().taskId }, { "mine", "mine" })
    world.db.tasks.mine = "SUCCESS"
    world.run()
    world.object.spec.ingestion = batch({ id = "mine", context = { a = 1 } })
    world.run()
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Rejected", 1 })
    t.ok(world.status().message:find("another id", 1, true))
  end,
  ["suspend stops a batch, and its end begins it anew under another id"] = function(t)
    local world = new_world(batch(), { suspend = true })
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Suspended", 0 })
    world.object.spec.suspend = false
    world.run()
    world.object.spec.suspend = true
    world.run()
    t.equal(world.db.tasks[world.db.posts[1]], "FAILED")
    world.run()
    t.equal(world.status().phase, "Suspended")
    world.object.spec.suspend = false
    world.run()
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 2 })
    t.ok(world.db.posts[1] ~= world.db.posts[2])
  end,
  ["Q25: what Druid refuses is told once and tried again seldom"] = function(t)
    local world = new_world(batch())
    world.db.refuse = "Please make sure to load all the necessary extensions"
    local outcome = world.run()
    t.equal({ world.status().phase, world.status().status, outcome.requeue_ms }, { "Rejected", "False", 60000 })
    t.equal(world.events, { "DruidIngestionControllerCreateFail" })
    world.run()
    t.equal(world.events, {})
    world.db.refuse = nil
    world.run()
    t.equal(world.status().phase, "Running")
  end,
  ["Q25: what the former operator submitted is followed, not submitted again"] = function(t)
    local world = new_world(batch())
    world.db.tasks.old = "RUNNING"
    world.object.status = { taskId = "old", type = "DruidIngestionControllerCreateSuccess", status = "True",
      ["currentIngestionSpec.json"] = '{"type":"index_parallel","spec":{"dataSchema":{"dataSource":"wiki"}}}' }
    world.run()
    t.equal({ world.status().phase, world.status().taskId, #world.db.posts }, { "Running", "old", 0 })
  end,

  ["Q25: rules and compaction are written once, put back, and removed with the field"] = function(t)
    local made = batch()
    made.rules, made.compaction = { { type = "loadForever", tieredReplicants = { hot = 1 } } }, { skipOffsetFromLatest = "P1D" }
    local world = new_world(made)
    world.run()
    t.equal({ world.db.compaction.wiki.skipOffsetFromLatest, world.db.rules.wiki[1].type, #world.db.posts },
      { "P1D", "loadForever", 3 })
    world.run()
    t.equal(#world.db.posts, 3)
    t.ok(condition.is_true(world.status().conditions, "SettingsApplied"))
    world.db.rules.wiki[1].tieredReplicants = { hot = 2 }
    world.run()
    t.equal(#world.db.posts, 4)
    made.rules, made.compaction = nil, nil
    world.run()
    t.equal({ world.db.compaction.wiki, world.db.rules.wiki }, {})
    t.equal(condition.find(world.status().conditions, "SettingsApplied"), nil)
    t.equal({ world.status().phase, world.status().rules, world.status().compaction }, { "Running" })
  end,
  ["rules that others changed since are left when the field goes"] = function(t)
    local made = batch()
    made.rules = { { type = "loadForever" } }
    local world = new_world(made)
    world.run()
    world.db.rules.wiki = { { type = "dropForever" } }
    made.rules = nil
    world.run()
    t.equal(world.db.rules.wiki, { { type = "dropForever" } })
    t.ok(has(world.events, "SettingsKept"))
  end,

  ["deletion stops the work and lets the data's settings be"] = function(t)
    local made = stream()
    made.rules = { { type = "loadForever" } }
    local world = new_world(made)
    world.run()
    world.delete()
    world.run()
    t.equal({ world.db.supervisors.wiki, world.object.metadata.finalizers }, {})
    t.ok(world.db.rules.wiki)
    world = new_world(batch())
    world.run()
    world.delete()
    world.run()
    t.equal({ world.db.tasks[world.db.posts[1]], world.object.metadata.finalizers }, { "FAILED" })
  end,
  ["deletion finds what was submitted with the answer lost"] = function(t)
    for _, made in ipairs({ batch(), stream() }) do
      local world = new_world(made)
      world.lose = "POST"
      world.run()
      world.lose = nil
      world.delete()
      world.run()
      t.equal(world.db.supervisors.wiki, nil)
      t.equal(world.db.tasks[world.db.posts[1]] ~= "RUNNING", true)
    end
  end,
  ["Q25: the finalizer goes when the Router is gone, after a while, and at once without a cluster"] = function(t)
    local world = new_world(stream())
    world.run()
    world.down = true
    world.delete()
    t.ok(world.run().requeue_ms)
    t.ok(world.object.metadata.finalizers)
    t.equal(world.status().phase, "Deleting")
    world.delete(retire.release_s + 1)
    world.run()
    t.equal(world.object.metadata.finalizers, nil)
    t.equal(world.events, { "DruidIngestionControllerDeleteFail" })
    world = new_world(stream())
    world.run()
    world.cluster = nil
    world.delete()
    world.run()
    t.equal(world.object.metadata.finalizers, nil)
  end,
  ["no answer of Druid raises an error"] = function(t)
    local values = { "5", "null", "[]", "{}", "[5]", "[null]", '"x"', "<html>", "", '{"status":5}', '{"payload":[1]}',
      '{"status":{"statusCode":5,"errorMsg":[1]}}', '{"payload":{"state":5,"recentErrors":[5]}}', '[{"id":"wiki","state":{}}]',
      '{"payload":{"healthy":false,"recentErrors":[{"message":5}]}}', '{"task":5}', '{"id":"wiki"}', '{"spec":"x","context":5}' }
    for round = 1, 150 do
      local made = round % 2 == 0 and batch() or stream()
      made.rules, made.compaction = { { type = "loadForever" } }, { skipOffsetFromLatest = "P1D" }
      local world = new_world(made, { suspend = round % 3 == 0 })
      world.odd = function()
        local status = ({ 200, 200, 200, 200, 400, 404, 500, 307 })[random.int(1, 8)]
        return { status = status, headers = {}, body = values[random.int(1, #values)] }
      end
      for _ = 1, 3 do
        world.run()
        t.ok(world.status().phase)
      end
      world.delete()
      world.run()
    end
  end,
  ["a pause touches nothing and does not hold up a deletion"] = function(t)
    local world = new_world(batch())
    world.object.metadata.annotations = { [job_of.ignored] = "true" }
    world.run()
    t.equal({ world.status().phase, world.asked }, { "Paused" })
    world.object.metadata.finalizers = { job_of.finalizer }
    world.delete()
    world.run()
    t.equal(world.object.metadata.finalizers, nil)
  end,
  ["a cluster that is silent changes no word about what runs"] = function(t)
    local world = new_world(batch())
    world.run()
    local before = json.encode(world.status())
    world.down = true
    t.ok(world.run().requeue_ms)
    t.equal({ json.encode(world.status()), #world.events }, { before, 0 })
  end,
  ["a preview asks nobody"] = function(t)
    local world = new_world(batch())
    world.previewing = true
    world.run()
    t.equal(world.asked, nil)
  end,
  ["without its cluster it waits, and a wrong one is told with the field"] = function(t)
    local world = new_world(batch())
    world.cluster = nil
    t.ok(world.run().requeue_ms)
    t.equal(world.status().phase, "Waiting")
    world = new_world({ type = "native-batch" })
    local outcome = world.run()
    t.ok(outcome.terminal:find("spec.ingestion has neither nativeSpec nor spec", 1, true))
    t.equal({ world.status().phase, #world.events, world.asked }, { "Invalid", 1 })
    world.run()
    t.equal(#world.events, 0)
  end,
}
