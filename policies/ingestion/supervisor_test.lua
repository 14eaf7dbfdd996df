-- Whole runs for supervisors: when one is posted, and when not.

local supervisor = require "ingestion.supervisor"
local world_of = require "ingestion.world_test"

local has, new_world, stream = world_of.has, world_of.new, world_of.stream

return {
  ["a supervisor is posted once, and again only for another specification"] = function(t)
    local world = new_world(stream())
    t.equal(world.run().requeue_ms, 60000)
    t.equal({ world.status().phase, world.status().taskId }, { "Running", "wiki" })
    world.run()
    t.equal(#world.db.posts, 1)
    world.object.spec.ingestion = stream({ tuningConfig = { type = "kafka" } })
    world.run()
    t.equal({ #world.db.posts, world.status().type }, { 2, "DruidIngestionControllerUpdateSuccess" })
    world.object.spec.ingestion = stream()
    world.run()
    t.equal(#world.db.posts, 3, "what was taken out of the specification goes")
  end,
  ["a lost answer to a supervisor is verified by its marker"] = function(t)
    local world = new_world(stream())
    world.lose = "POST /druid/indexer/v1/supervisor"
    world.run()
    world.lose = nil
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 1 })
    world.object.spec.ingestion = stream({ tuningConfig = { type = "kafka" } })
    world.lose = "POST /druid/indexer/v1/supervisor"
    world.run()
    world.lose = nil
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 2 })
  end,
  ["a supervisor that was changed or ended in Druid comes back"] = function(t)
    local world = new_world(stream())
    world.run()
    world.db.supervisors.wiki.spec.ioConfig.topic = "other"
    world.run()
    t.equal({ world.db.supervisors.wiki.spec.ioConfig.topic, #world.db.posts }, { "t", 2 })
    world.db.supervisors = {}
    t.equal({ world.run().requeue_ms, #world.db.posts }, { 10000, 2 }, "a new leader may not know it yet")
    supervisor.gone_ms = 0
    world.run()
    t.equal(#world.db.posts, 3)
    supervisor.gone_ms = 8000
  end,
  ["the number of tasks is Druid's when it scales them itself"] = function(t)
    local world = new_world(stream({ ioConfig = { topic = "t", taskCount = 1,
      autoScalerConfig = { enableTaskAutoScaler = true } } }))
    world.run()
    world.db.supervisors.wiki.spec.ioConfig.taskCount = 9
    world.run()
    t.equal(#world.db.posts, 1)
  end,
  ["a supervisor that is there as specified is taken over without a post"] = function(t)
    local world = new_world(stream())
    world.db.supervisors.wiki = { type = "kafka", suspended = false, spec = { dataSchema = { dataSource = "wiki" },
      ioConfig = { topic = "t", taskCount = 1 } } }
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 0 })
  end,
  ["suspend and its end go to the supervisor; a hand that suspended it is respected"] = function(t)
    local world = new_world(stream(), { suspend = true })
    world.run()
    t.equal({ world.status().phase, world.db.supervisors.wiki.suspended }, { "Suspended", true })
    world.object.spec.suspend = false
    world.run()
    t.equal({ world.status().phase, world.db.supervisors.wiki.suspended }, { "Running", false })
    world.db.supervisors.wiki.suspended = true
    world.run()
    t.equal({ world.status().phase, world.db.supervisors.wiki.suspended, #world.db.posts }, { "Suspended", true, 1 })
  end,
  ["an unhealthy supervisor is told once"] = function(t)
    local world = new_world(stream())
    world.db.state = "UNHEALTHY_TASKS"
    world.run()
    t.ok(has(world.events, "SupervisorUnhealthy"))
    world.run()
    t.equal({ world.status().phase, #world.events }, { "Unhealthy", 0 })
  end,
  ["another data source ends the former supervisor"] = function(t)
    local world = new_world(stream())
    world.run()
    world.object.spec.ingestion.nativeSpec.spec.dataSchema.dataSource = "news"
    world.run()
    t.equal({ world.db.supervisors.wiki == nil, world.status().taskId }, { true, "news" })
  end,
  ["a supervisor belongs to one object"] = function(t)
    local world = new_world(stream())
    world.others = { { metadata = { name = "first", uid = "other" }, spec = { druidCluster = "demo" },
      status = { kind = "supervisor", taskId = "wiki" } } }
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Rejected", 0 })
    t.ok(world.status().message:find("first", 1, true))
  end,
  ["one whose answer does not come is not posted again while Druid may be at it"] = function(t)
    local world = new_world(stream())
    world.run()
    world.object.spec.ingestion = stream({ tuningConfig = { type = "kafka" } })
    world.slow = true
    world.run()
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Pending", 2 })
    world.slow = nil
    world.db.supervisors.wiki = world.late
    world.run()
    t.equal({ world.status().phase, #world.db.posts }, { "Running", 2 })
  end,
  ["a Druid that does not know ids yet is asked by the name it gave"] = function(t)
    local made = stream()
    made.nativeSpec.id = "mine"
    local world = new_world(made)
    world.run()
    t.equal({ world.status().phase, world.status().taskId }, { "Running", "wiki" })
    world.run()
    t.equal(#world.db.posts, 1)
  end,
}
