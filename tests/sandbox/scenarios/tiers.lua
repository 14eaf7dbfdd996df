local w = require "world"
local M = { title = "tiers of Historicals roll one after the other, in an order that stays, each when all data is back" }

local TIERS = { "cold", "hot" }   -- as they are ordered among themselves

local function name_of(tier) return "druid-tiny-" .. tier end

-- Two tiers in place of the one group, with two pods each.
local function tiers(druid)
  local one = druid.spec.nodes.historicals
  druid.spec.nodes.historicals = nil
  for _, tier in ipairs(TIERS) do
    local node = json.copy(one)
    node.replicas = 2
    node["runtime.properties"] = one["runtime.properties"] .. "\ndruid.server.tier=" .. tier .. "\n"
    druid.spec.nodes[tier] = node
  end
end

-- Revisions of the pods that are Ready, how many are away, and whether one has another template than at first.
local function state(tier)
  local set = w.read("apps/v1", "StatefulSet", name_of(tier))
  local away, updated = 2, 0
  for _, pod in ipairs(w.list("v1", "Pod", "nodeSpecUniqueStr=" .. name_of(tier))) do
    local ready = w.condition(pod, "Ready")
    if not pod.metadata.deletionTimestamp and ready and ready.status == "True" then away = away - 1 end
    if (pod.metadata.annotations or {}).round == M.round then updated = updated + 1 end
  end
  return { away = away, updated = updated, begun = (set.spec.template.metadata.annotations or {}).round == M.round }
end

local function whole()
  local status = w.model("status")
  return status.whole and status.unavailable == 0
end

-- Rolls a change through, and gives the order in which the tiers began.
local function roll(ctx, round)
  local order, seen, before = {}, {}, w.read(w.DRUID.apiVersion, w.DRUID.kind, "tiny").metadata.generation
  M.round = round
  w.check(ctx.patch(w.druid(), { spec = { podAnnotations = { round = round } } }))
  w.wait(ctx, "round " .. round .. " is through", 1500, function()
    local away = 0
    for i, tier in ipairs(TIERS) do
      local now, other = state(tier), state(TIERS[3 - i])
      away = away + now.away
      if now.begun and not seen[tier] then
        seen[tier] = true
        order[#order + 1] = tier
        if other.begun and (other.updated < 2 or other.away > 0) then
          error(tier .. " began while the other tier was under way")
        end
        if w.mode ~= "cluster" and not whole() then error(tier .. " began while segments were away") end
      end
    end
    if away > 1 then error(away .. " Historicals are away at once") end
    local druid, why = w.is_ready()
    return druid and druid.metadata.generation > before, why
  end)
  return order
end

function M.run(ctx)
  w.make_model(ctx, "sync: 20\n")
  w.deploy(ctx, nil, tiers)
  if w.mode ~= "cluster" then
    w.equal(w.ask("POST", "http://druid-tiny-coordinators." .. w.namespace .. ":8081/druid/coordinator/v1/rules/wiki",
      { { type = "loadForever", tieredReplicants = { cold = 2, hot = 2 } } }), 200, "the rules")
    w.wait(ctx, "all segments are there", 120, whole)
  end
  w.equal(roll(ctx, "one"), TIERS, "the order of the tiers")
  w.equal(roll(ctx, "two"), TIERS, "the order of the tiers, again")
end

return M
