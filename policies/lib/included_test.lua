local included = require "lib.included"

local function part(wanted, there, sets, loose)
  return included.part(json.decode(wanted), json.decode(there), { sets = sets, loose = loose })
end

return {
  ["members that are wanted count, others do not"] = function(t)
    for _, case in ipairs({
      { '{}', '{"a":1}', false }, { '{"a":1}', '{"a":1,"b":2}', true }, { '{"a":1}', '{"a":2}', false },
      { '{"a":{"b":1}}', '{"a":{"b":1,"c":[1]}}', true }, { '{"a":1}', '{}', false }, { '{"a":1}', 'null', false },
      { '{"a":null}', '{}', true }, { '{"a":[]}', '{"a":null}', true }, { '{"a":{}}', '{}', true },
      { '{"a":1}', '{"a":1.0}', true }, { '{"a":"1"}', '{"a":1}', false }, { '{"a":false}', '{}', false },
    }) do
      t.equal(part(case[1], case[2]), case[3], case[1] .. " in " .. case[2])
    end
  end,
  ["what Druid writes out in other words is the same, where that is asked for"] = function(t)
    for _, case in ipairs({
      { '"day"', '"DAY"', true }, { '"DAY"', '"day"', false }, { '"none"', '{"type":"none"}', true },
      { '"PT1H"', '"PT3600S"', true }, { '"PT1H"', '"PT60S"', false }, { '"P1M"', '"P1D"', false },
      { '"NONE"', '{"type":"none"}', true }, { '"a"', '{"type":"string","name":"a"}', true },
      { '"string"', '{"type":"string","name":"a"}', false }, { '"a"', 'null', false },
      { '["a","b"]', '[{"type":"string","name":"a"},"b"]', true },
    }) do
      t.equal(part(case[1], case[2], false, true), case[3], case[1] .. " and " .. case[2])
      t.equal(part(case[1], case[2]), false)
    end
  end,
  ["a list is as long and in the same order, or the same set"] = function(t)
    t.equal(part('["a","b"]', '["b","a"]'), false)
    t.equal(part('["a","b"]', '["b","a"]', true), true)
    t.equal(part('["a","a"]', '["b","a"]', true), false)
    t.equal(part('["a"]', '["a","b"]', true), false, "a shorter list is another one")
    t.equal(part('[]', '["a"]', true), false, "a cleared list too")
    t.equal(part('[{"a":1}]', '[{"a":1,"b":2}]', true), true)
  end,
}
