-- What is wanted of the dynamic configuration, and whole looks at a Druid of tables.

local client = require "druid.client"
local dynamic_config = require "druid.dynamic_config"
local gate = require "druid.client.gate"
local groups = require "druid.groups"

local uids = 0

local function cluster(nodes, common)
  uids = uids + 1
  local spec = { nodes = { c = { nodeType = "coordinator", ["druid.port"] = 8081, services = { {} } },
    o = { nodeType = "overlord", ["druid.port"] = 8090, services = { {} } } }, dynamicConfig = common }
  for key, node in pairs(nodes) do
    spec.nodes[key] = spec.nodes[key] or {}
    for name, value in pairs(node) do
      spec.nodes[key][name] = value
    end
  end
  return groups.cluster({ apiVersion = "x", kind = "Druid", metadata = { name = "demo", namespace = "ns",
    uid = "dynamic" .. uids }, spec = spec })
end

-- A Druid that keeps what it is given, as the real one does. db: { coordinator =, overlord = } as text.
local function open(of, db, answer)
  local posted = {}
  local function request(asked)
    local special = answer and answer(asked)
    if special then
      return special.status and special or nil, special
    end
    local target = asked.url:find("/druid/indexer/v1/worker", 1, true) and "overlord" or "coordinator"
    if asked.method == "POST" then
      posted[#posted + 1] = asked
      local new = json.decode(asked.body)
      if target == "coordinator" then
        local all = json.decode(db.coordinator)
        for key, value in pairs(new) do
          if all[key] ~= nil then
            all[key] = value
          end
        end
        db.coordinator = json.encode(all)
      else
        db.overlord = asked.body
      end
      return { status = 200, headers = {}, body = "" }
    end
    return { status = 200, headers = {}, body = db[target] }
  end
  local druid = client.open({ kube = { list = function() return {} end, read = function() return nil,
    { code = "not_found", message = "no" } end }, http = { request = request } }, of, { gate = gate.new() })
  return druid, posted
end

local function fresh()
  return { coordinator = '{"maxSegmentsToMove":100,"pauseCoordination":false,"decommissioningNodes":["a:1"]}',
    overlord = "" }
end

-- The status after a look.
local function status(result)
  return { conditions = { result.condition } }
end

return {
  ["Q24: it may stand at any level, and meets in one place"] = function(t)
    local wanted, problems = dynamic_config.wanted(cluster({
      c = { dynamicConfig = { maxSegmentsToMove = "50", decommissioningNodes = "a:1, b:1" } },
      m = { nodeType = "middleManager", dynamicConfig = { selectStrategy = { type = "fillCapacity" } } },
      n = { nodeType = "indexer", dynamicConfig = { selectStrategy = { type = "fillCapacity" } } },
    }, { replicantLifetime = 20, overlord = { type = "default" }, coordinator = { pauseCoordination = true } }))
    t.equal(problems, {})
    t.equal(wanted, { coordinator = { maxSegmentsToMove = 50, decommissioningNodes = { "a:1", "b:1" },
      replicantLifetime = 20, pauseCoordination = true },
      overlord = { type = "default", selectStrategy = { type = "fillCapacity" } } })
  end,
  ["what Druid would refuse, or lose its strategy by, is named with its field"] = function(t)
    for _, case in ipairs({
      { { m = { nodeType = "middleManager", dynamicConfig = { type = "nope" } } }, "spec.nodes.m.dynamicConfig.type" },
      { { m = { nodeType = "middleManager", dynamicConfig = { selectStrategy = { type = "nope" } } } },
        "spec.nodes.m.dynamicConfig.selectStrategy.type" },
      { { m = { nodeType = "middleManager", dynamicConfig = { selectStrategy = "fillCapacity" } } },
        "spec.nodes.m.dynamicConfig.selectStrategy" },
      { { m = { nodeType = "middleManager", dynamicConfig = { maxSegmentsToMove = 1 } } },
        "spec.nodes.m.dynamicConfig.maxSegmentsToMove" },
      { { c = { dynamicConfig = { maxSegmentsToMove = "abc" } } }, "spec.nodes.c.dynamicConfig.maxSegmentsToMove" },
      { { c = { dynamicConfig = { pauseCoordination = 1 } } }, "spec.nodes.c.dynamicConfig.pauseCoordination" },
      { { c = { dynamicConfig = { decommissioningNodes = true } } }, "spec.nodes.c.dynamicConfig.decommissioningNodes" },
      { { b = { nodeType = "broker", dynamicConfig = { maxSegmentsToMove = 1 } } }, "spec.nodes.b.dynamicConfig" },
      { { m = { nodeType = "middleManager", dynamicConfig = { selectStrategy = { type = "fillCapacity" } } },
        n = { nodeType = "middleManager", dynamicConfig = { selectStrategy = { type = "equalDistribution" } } } },
        "spec.nodes.n.dynamicConfig.selectStrategy" },
    }) do
      local _, problems = dynamic_config.wanted(cluster(case[1]))
      t.equal(#problems, 1, case[2])
      t.equal(problems[1].field, case[2])
    end
  end,
  ["nothing wrong is ever sent"] = function(t)
    local of = cluster({ m = { nodeType = "middleManager", dynamicConfig = { type = "nope" } } })
    local druid, posted = open(of, fresh())
    local result = dynamic_config.run(druid, of, {})
    t.equal({ result.condition.status, result.condition.reason, #posted }, { "False", "Invalid", 0 })
    t.equal(#result.events, 1)
    t.equal(#dynamic_config.run(druid, of, status(result)).events, 0, "told once")
  end,
  ["what is wrong or misplaced is told, and keeps nothing else from being applied"] = function(t)
    for _, wrong in ipairs({
      { r = { nodeType = "router", dynamicConfig = { foo = "bar" } }, says = { "True", "Applied" } },
      { says = { "False", "Invalid" },
        m = { nodeType = "middleManager", dynamicConfig = { type = "nope", selectStrategy = { type = "fillCapacity" } } } },
    }) do
      local db, says = fresh(), wrong.says
      wrong.says = nil
      wrong.c = { dynamicConfig = { maxSegmentsToMove = 7 } }
      local of = cluster(wrong)
      local druid, posted = open(of, db)
      local result = dynamic_config.run(druid, of, {})
      t.equal({ #posted, json.decode(db.coordinator).maxSegmentsToMove, db.overlord }, { 1, 7, "" })
      t.equal({ result.condition.status, result.condition.reason, #result.events }, { says[1], says[2], 2 })
      local words = "spec.nodes.r.dynamicConfig has no effect on a router; move it"
      t.ok(not wrong.r or result.condition.message:find(words, 1, true), result.condition.message)
      local _, problems = dynamic_config.wanted(of)
      t.equal(problems[1].advice, wrong.r and true or nil, "what only has no effect is no problem of the object")
      local again = dynamic_config.run(druid, of, status(result))
      t.equal({ again.condition.reason, #again.events, #posted, again.again_ms > 0 }, { says[2], 0, 1, true })
      t.equal(again.condition.message, result.condition.message)
    end
  end,
  ["a block without effect, and no other, is told as that"] = function(t)
    local of = cluster({ r = { nodeType = "router", dynamicConfig = { foo = "bar" } } })
    local druid, posted = open(of, fresh())
    local result = dynamic_config.run(druid, of, {})
    t.equal({ result.condition.status, result.condition.reason, #result.events, #posted }, { "False", "NoEffect", 1, 0 })
    t.equal(#dynamic_config.run(druid, of, status(result)).events, 0)
  end,
  ["Q24: only what differs is written, with author and comment, and then nothing"] = function(t)
    local db = fresh()
    local of = cluster({ c = { dynamicConfig = { maxSegmentsToMove = 100, decommissioningNodes = json.array({}) } },
      m = { nodeType = "middleManager", dynamicConfig = { selectStrategy = { type = "fillCapacity" } } } })
    local druid, posted = open(of, db)
    local result = dynamic_config.run(druid, of, {})
    t.equal(result.condition.reason, "Applied")
    t.equal(#result.events, 2)
    t.equal({ posted[1].body, posted[2].body }, { '{"decommissioningNodes":[]}',
      '{"selectStrategy":{"type":"fillCapacity"},"type":"default"}' })
    t.equal({ posted[1].headers["X-Druid-Author"], posted[1].headers["X-Druid-Comment"] },
      { "nemeton", "spec of the Druid object" })
    dynamic_config.forget(of.uid)
    result = dynamic_config.run(druid, of, status(result))
    t.equal({ #posted, #result.events, result.again_ms }, { 2, 0, dynamic_config.look_ms })
  end,
  ["what the Overlord has and nobody asked for stays"] = function(t)
    local db = fresh()
    db.overlord = '{"type":"default","selectStrategy":{"type":"equalDistribution","affinityConfig":null},'
      .. '"autoScaler":{"type":"ec2"}}'
    local of = cluster({ o = { dynamicConfig = { selectStrategy = { type = "fillCapacity" } } } })
    local druid = open(of, db)
    dynamic_config.run(druid, of, {})
    t.equal(json.decode(db.overlord).autoScaler, { type = "ec2" })
    t.equal(json.decode(db.overlord).selectStrategy.type, "fillCapacity")
  end,
  ["a change by somebody else is put back at the next look, not before"] = function(t)
    local db = fresh()
    local of = cluster({ c = { dynamicConfig = { maxSegmentsToMove = 7 } } })
    local druid, posted = open(of, db)
    local result = dynamic_config.run(druid, of, {})
    db.coordinator = fresh().coordinator
    result = dynamic_config.run(druid, of, status(result))
    t.equal(#posted, 1)
    t.ok(result.again_ms <= dynamic_config.look_ms)
    dynamic_config.forget(of.uid)
    t.equal(#dynamic_config.run(druid, of, status(result)).events, 1)
    t.equal(#posted, 2)
  end,
  ["Q23: a cluster that starts is waited for without a word, and no look is lost"] = function(t)
    local of = cluster({ c = { dynamicConfig = { maxSegmentsToMove = 7 } } })
    local up = false
    local druid, posted = open(of, fresh(), function()
      return not up and { status = 503, headers = {}, body = "<html><title>starting</title></html>" } or nil
    end)
    local result = dynamic_config.run(druid, of, {})
    t.equal({ result.condition.status, result.condition.reason, #result.events, result.again_ms },
      { "Unknown", "Waiting", 0, dynamic_config.retry_ms })
    up = true
    dynamic_config.forget(of.uid)
    t.equal(dynamic_config.run(druid, of, status(result)).condition.reason, "Applied")
    t.equal(#posted, 1)
  end,
  ["a Druid that fails as it starts is believed only after a while"] = function(t)
    local of = cluster({ c = { dynamicConfig = { maxSegmentsToMove = 7 } } })
    local druid = open(of, fresh(), function()
      return { status = 500, headers = {}, body = "<html><title>Error 500</title></html>" }
    end)
    local retry_ms, told = dynamic_config.retry_ms, {}
    dynamic_config.retry_ms = 0
    for i = 1, dynamic_config.doubts + 1 do
      told[i] = dynamic_config.run(druid, of, i > 1 and { conditions = { { type = dynamic_config.condition,
        status = "Unknown", reason = "Waiting" } } } or {}).condition.reason
    end
    dynamic_config.retry_ms = retry_ms
    t.equal({ told[1], told[dynamic_config.doubts], told[dynamic_config.doubts + 1] }, { "Waiting", "Waiting", "Failed" })
  end,
  ["a short silence later on changes no word"] = function(t)
    local of = cluster({ c = { dynamicConfig = { maxSegmentsToMove = 100 } } })
    local down = false
    local druid = open(of, fresh(), function()
      return down and { code = "timeout", message = "silence" } or nil
    end)
    local result = dynamic_config.run(druid, of, {})
    down = true
    dynamic_config.forget(of.uid)
    local later = dynamic_config.run(druid, of, status(result))
    t.equal({ later.condition.reason, #later.events }, { "Applied", 0 })
  end,
  ["Q24: a refusal is told once, in Druid's words"] = function(t)
    local of = cluster({ c = { dynamicConfig = { maxSegmentsToMove = 7 } } })
    local druid = open(of, fresh(), function(asked)
      return asked.method == "POST" and { status = 403, headers = {},
        body = '{"Access-Check-Result":"Allowed:false"}' } or nil
    end)
    local result = dynamic_config.run(druid, of, {})
    t.equal({ result.condition.reason, #result.events }, { "Failed", 1 })
    t.ok(result.condition.message:find("Allowed:false", 1, true))
    dynamic_config.forget(of.uid)
    t.equal(#dynamic_config.run(druid, of, status(result)).events, 0)
  end,
  ["no answer of Druid raises an error"] = function(t)
    local values = { "5", "null", "[]", "{}", "[5]", '"x"', "<html>", "", '{"maxSegmentsToMove":{}}',
      '{"selectStrategy":5}', '{"selectStrategy":[1],"type":[]}' }
    for round = 1, 150 do
      local of = cluster({ c = { dynamicConfig = { maxSegmentsToMove = 7, decommissioningNodes = json.array({}) } },
        m = { nodeType = "middleManager", dynamicConfig = { selectStrategy = { type = "fillCapacity" } } } })
      local druid = open(of, fresh(), function()
        return { status = ({ 200, 200, 200, 400, 500 })[random.int(1, 5)], headers = {}, body = values[random.int(1, #values)] }
      end)
      t.ok(dynamic_config.run(druid, of, {}).condition, "round " .. round)
    end
  end,
  ["a field that this Druid does not know is told and not written again and again"] = function(t)
    local of = cluster({ c = { dynamicConfig = { futureField = 7 } } })
    local druid, posted = open(of, fresh())
    local result = dynamic_config.run(druid, of, {})
    t.equal({ result.condition.reason, #posted }, { "NotTaken", 0 })
    t.ok(result.condition.message:find("futureField", 1, true))
  end,
  ["a preview asks nobody, and a field that is held by a scale-in is left alone"] = function(t)
    local of = cluster({ c = { dynamicConfig = { decommissioningNodes = json.array({}), maxSegmentsToMove = 100 } } })
    local druid, posted = open(of, fresh())
    druid.previewing = true
    t.equal(dynamic_config.run(druid, of, {}).condition, nil)
    druid.previewing = nil
    t.equal(dynamic_config.run(druid, of, {}, function() return true end).condition.reason, "Applied")
    t.equal(#posted, 0)
  end,
}
