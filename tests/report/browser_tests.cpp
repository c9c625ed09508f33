// Operates the report in a real browser as a user does, and compares it with the command on the
// same network.
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <lamella/html_report.hpp>
#include <lamella/model_file.hpp>

#include "tests/cli/command.hpp"
#include "tests/report/browser.hpp"
#include "tests/support/npy_file.hpp"
#include "tests/support/random.hpp"

namespace lamella::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using Json = nlohmann::json;

class ReportInBrowser : public testing::Test {
 protected:
  void SetUp() override {
    if (!find_browser()) {
      const char* const required = std::getenv("LAMELLA_REQUIRE_BROWSER");
      if (required != nullptr && std::string(required) == "1") {
        FAIL() << "LAMELLA_REQUIRE_BROWSER is 1, but no Chromium is on the path";
      }
      GTEST_SKIP() << "no Chromium is on the path";
    }
  }

  // The command's report and its JSON for the same arguments.
  struct Explained {
    std::string report;
    Json json;
  };
  Explained explain(std::vector<std::string> arguments) const {
    const std::string file = folder_.file("report.html");
    arguments.insert(arguments.begin(), "explain");
    arguments.insert(arguments.end(), {"--json", "--html", file});
    const ProcessResult result = lamella_command(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return {file_content(file), Json::parse(result.out)};
  }
  Explained by_hand(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {data_file("by_hand/model.json"), data_file("by_hand/input.csv")});
    return explain(std::move(more));
  }

  // Runs the programs and compares what they print, if Python has NumPy.
  void expect_numpy(const std::vector<Json>& programs, const std::vector<Json>& outputs) const;

  TemporaryFolder folder_;
};

void collect(const Json& json, std::vector<double>& numbers) {
  if (json.is_number()) {
    numbers.push_back(json);
  }
  if (json.is_structured()) {
    for (const Json& part : json) {
      collect(part, numbers);
    }
  }
}

// Compares all numbers of two trees; the tolerance is a fraction of the largest.
void expect_near(const Json& found, const Json& wanted, double share, const std::string& what) {
  std::vector<double> a;
  std::vector<double> b;
  collect(found, a);
  collect(wanted, b);
  ASSERT_EQ(a.size(), b.size()) << what;
  ASSERT_FALSE(a.empty()) << what;
  double largest = 0;
  for (const double value : b) {
    largest = std::max(largest, std::fabs(value));
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(a[i], b[i], share * largest) << what << ", number " << i;
  }
}

// The layers' values under the given keys.
Json of_layers(const Json& layers, const std::vector<const char*>& keys) {
  Json values = Json::array();
  for (const Json& layer : layers) {
    for (const char* const key : keys) {
      values.push_back(layer[key]);
    }
  }
  return values;
}

void ReportInBrowser::expect_numpy(const std::vector<Json>& programs,
                                   const std::vector<Json>& outputs) const {
  if (run_process({"/usr/bin/env", "python3", "-c", "import numpy"}).status != 0) {
    std::cerr << "python3 has no numpy here: the code that the report gives for it was not run\n";
    return;
  }
  std::string all;
  for (const Json& program : programs) {
    all += program.get<std::string>();
  }
  write_file(folder_.file("all.py"), all);
  const ProcessResult python = run_process({"/usr/bin/env", "python3", folder_.file("all.py")});
  ASSERT_EQ(python.status, 0) << python.err;
  std::istringstream lines(python.out);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    std::string line;
    std::getline(lines, line);
    expect_near(Json::parse(line), outputs[i], 1e-12, "NumPy's output " + fmt::to_string(i));
  }
}

std::string json_form(const Network& network) {
  Json layers = Json::array();
  for (const Layer& layer : network.layers()) {
    Json weights = Json::array();
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      weights.push_back(std::vector<float>(
          layer.weights.begin() + static_cast<std::ptrdiff_t>(o * layer.inputs),
          layer.weights.begin() + static_cast<std::ptrdiff_t>((o + 1) * layer.inputs)));
    }
    Json json = {{"weights", weights}, {"activation", to_string(layer.activation)}};
    if (layer.has_bias()) {
      json["bias"] = layer.bias;
    }
    layers.push_back(std::move(json));
  }
  return Json{{"layers", std::move(layers)}}.dump();
}

std::vector<float> random_values(std::size_t count, std::uint32_t seed, float scale = 1) {
  std::vector<float> values(count);
  fill_random(values, seed, scale);
  return values;
}

constexpr const char* kEverything = R"js(
  const before = {trace: traceOfAll(), inputs: plain(lamella.traces.map((trace) => trace.inputs)), loss: lamella.loss};
  click('show-gradients');
  const gradients = lamella.gradients.map(({deltas, weights, bias}) => ({deltas: plain(deltas), weights: plain(weights), bias: plain(bias ?? [])}));
  click('show-gradients');
  click('numpy-copy');
  const code = byId('numpy-text').value;
  const first = snapshot();
  for (let i = 0; i < 5; ++i) {
    click('train-1');
  }
  const trained = snapshot();
  const after = {losses: lamella.model.losses, layers: matrices(lamella.model.layers)};
  for (let i = 0; i < 5; ++i) {
    click('undo');
  }
  const undone = snapshot() === first;
  for (let i = 0; i < 5; ++i) {
    click('redo');
  }
  const redone = snapshot() === trained;
  click('reset');
  const reset = snapshot() === first;
  return {before, gradients, after, undone, redone, reset, code};
)js";

TEST_F(ReportInBrowser, ComputesWhatTheCommandDoes) {
  struct Case {
    std::vector<std::size_t> widths;
    Activation hidden;
    Activation last;
    bool bias = true;
  };
  using K = ActivationKind;
  const std::vector<Case> cases = {
      {{3, 4, 2}, K::kRelu, K::kRelu},
      {{4, 3}, K::kIdentity, K::kSoftmax},
      {{2, 6, 3, 2}, {K::kLeakyRelu, 0.2F}, K::kIdentity},
      {{3, 5, 4}, {K::kElu, 1.5F}, K::kLogSoftmax},
      {{3, 4, 4, 3, 1}, K::kSelu, K::kSigmoid},
      {{5, 4, 2}, K::kSigmoid, K::kTanh, false},
      {{3, 5, 3}, K::kTanh, K::kSoftmax},
      {{3, 6, 2}, K::kGelu, K::kGelu},
      {{3, 6, 2}, K::kGeluTanh, K::kIdentity},
      {{3, 6, 3, 2}, K::kSilu, K::kSilu},
      {{3, 5, 2}, K::kSoftplus, K::kLogSoftmax},
      {{3, 5, 2}, K::kHardSigmoid, K::kIdentity},
      {{3, 5, 2}, K::kHardSwish, K::kHardSwish, false},
      {{3, 5, 2}, {K::kClip, -0.5F, 0.75F}, K::kIdentity},
      {{14, 20, 15}, K::kRelu, K::kSoftmax},
  };
  std::vector<BrowserVisit> visits;
  std::vector<Json> wanted;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto seed = static_cast<std::uint32_t>(i + 1);
    const auto network = random_network({.widths = cases[i].widths,
                                         .hidden = cases[i].hidden,
                                         .last = cases[i].last,
                                         .bias = cases[i].bias,
                                         .seed = seed});
    const std::string model = folder_.file("model.json");
    const std::string rows = folder_.file("rows.npy");
    const std::string targets = folder_.file("targets.npy");
    write_file(model, json_form(*network));
    write_file(rows, make_npy(random_values(4 * network->inputs(), seed, 3), network->inputs()));
    write_file(targets, make_npy(random_values(4 * network->outputs(), seed), network->outputs()));
    const Explained explained = explain({model, rows, "--row", "2,0,3", "--target", targets,
                                         "--learning-rate", "0.05", "--steps", "5"});
    visits.push_back({explained.report, kEverything});
    wanted.push_back(explained.json);
  }
  const std::vector<Json> found = browse(visits);
  ASSERT_EQ(found.size(), cases.size());
  std::vector<Json> programs;
  std::vector<Json> outputs;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string name =
        to_string(cases[i].hidden) + " and " + to_string(cases[i].last) + fmt::format(" ({})", i);
    const Json& report = found[i];
    const Json& descent = wanted[i]["training"];
    constexpr double kShare = 1e-12;
    const std::vector<const char*> values = {"pre_activations", "activations"};
    expect_near(report["before"]["inputs"], wanted[i]["trace"]["inputs"], 0, name);
    expect_near(of_layers(report["before"]["trace"], values),
                of_layers(wanted[i]["trace"]["layers"], values), kShare, name);
    const std::vector<const char*> slopes = {"deltas", "weights", "bias"};
    expect_near(of_layers(report["gradients"], slopes), of_layers(descent["gradients"], slopes),
                kShare, name);
    expect_near(report["after"]["losses"], descent["losses"], kShare, name);
    expect_near(report["after"]["layers"], of_layers(descent["layers_after"], {"bias", "weights"}),
                kShare, name);
    EXPECT_TRUE(report["undone"]) << name;
    EXPECT_TRUE(report["redone"]) << name;
    EXPECT_TRUE(report["reset"]) << name;
    programs.push_back(report["code"]);
    outputs.push_back(wanted[i]["trace"]["layers"].back()["activations"][0]);
  }
  expect_numpy(programs, outputs);
}

TEST_F(ReportInBrowser, DoesTheInputSteps) {
  const Explained scaled =
      explain({data_file("sklearn/wine_relu.onnx"), data_file("sklearn/wine_relu_input.csv"),
               "--no-fold", "--row", "1,5"});
  // A clip is never folded, and stays an input step.
  const auto network = with_input_steps(
      *random_network({.widths = {3, 4, 2}}),
      {InputStep::Kind::kSubtract, InputStep::Kind::kClip, InputStep::Kind::kMultiply,
       InputStep::Kind::kDivide, InputStep::Kind::kAdd},
      3);
  const std::string model = folder_.file("model.safetensors");
  const std::string rows = folder_.file("rows.csv");
  save_network(*network, model);
  write_file(rows, "0.25,-3,0.5\n");
  const Explained clipped = explain({model, rows});
  write_file(rows, "0.25,0.125,-0.3\n");
  const Explained moved = explain({model, rows});
  const char* const trace =
      "const inputs = plain(lamella.traces.map((trace) => trace.inputs)); click('numpy-copy'); "
      "const code = byId('numpy-text').value; ";
  const std::vector<Json> found = browse({
      {scaled.report, std::string(trace) + "return {inputs, code, layers: traceOfAll()};"},
      {clipped.report,
       std::string(
           "type(field('input x[1]'), '.125'); slide(field('input x[2], slider'), -0.3); ") +
           trace + "return {inputs, code, layers: traceOfAll()};"},
  });
  const std::vector<const char*> values = {"pre_activations", "activations"};
  for (const auto& [report, wanted] : {std::pair{found[0], scaled.json}, {found[1], moved.json}}) {
    expect_near(report["inputs"], wanted["trace"]["inputs"], 1e-15, "inputs");
    expect_near(of_layers(report["layers"], values), of_layers(wanted["trace"]["layers"], values),
                1e-12, "values");
  }
  expect_numpy({found[0]["code"], found[1]["code"]},
               {scaled.json["trace"]["layers"].back()["activations"][0],
                moved.json["trace"]["layers"].back()["activations"][0]});
}

TEST_F(ReportInBrowser, WritesAndReadsNumbersAsTheCommand) {
  std::vector<double> numbers = {0,        -0.0,
                                 1,        123456.5,
                                 123457.5, 999999.5,
                                 1234565,  0.0001234565,
                                 0.00001,  0.0001,
                                 99999.95, 1e-300,
                                 5e-324,   1.7976931348623157e308,
                                 0.1F,     -2.5,
                                 1e21,     1e5,
                                 1e6,      0.5,
                                 0.25,     2097152.5};
  const std::vector<float> random = random_values(2000, 9);
  for (std::size_t i = 0; i + 1 < random.size(); i += 2) {
    numbers.push_back(random[i] * std::pow(10.0, std::round(random[i + 1] * 12)));
  }
  const Json report = browse(
      {{by_hand().report, "const numbers = " + Json(numbers).dump() +
                              "; return {texts: numbers.map((one) => numberText(one)), "
                              "four: numbers.map((one) => numberText(one, 4)), "
                              "erfc: numbers.map((one) => erfc(one % 7)), "
                              "special: [NaN, Infinity, -Infinity].map((one) => numberText(one)), "
                              "read: ['-1e-3', '.5', '+2.', ' 7 ', '0.1'].map(parseNumber)};"}})[0];
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double number = numbers[i] == 0 ? 0 : numbers[i];
    EXPECT_EQ(report["texts"][i], fmt::format("{:.6g}", number));
    EXPECT_EQ(report["four"][i], fmt::format("{:.4g}", number));
    const double tail = std::erfc(std::fmod(number, 7));
    EXPECT_NEAR(report["erfc"][i].get<double>(), tail, 2e-15 * tail) << number;
  }
  EXPECT_EQ(report["special"], Json({"nan", "inf", "-inf"}));
  EXPECT_EQ(report["read"], Json({-1e-3F, 0.5, 2, 7, 0.1F}));
}

TEST_F(ReportInBrowser, FollowsEditsAsTheCommandOnTheEditedModel) {
  const auto network =
      random_network({.widths = {3, 5, 4, 2}, .hidden = ActivationKind::kSilu, .seed = 31});
  const std::string model = folder_.file("model.json");
  const std::string rows = folder_.file("rows.csv");
  write_file(model, json_form(*network));
  write_file(rows, "0.5,-1.25,2\n");
  const Explained before = explain({model, rows});
  std::vector<Layer> layers(network->layers().begin(), network->layers().end());
  layers[0].weights[4] = -1e-3F;  // W1[1,1]
  layers[1].weights[5] = 0.1F;    // W2[1,0]
  layers[1].bias[3] = 2.5F;
  layers[2].weights[7] = -12;  // W3[1,3]
  write_file(model, json_form(Network(layers)));
  const Explained after = explain({model, rows});
  const ProcessResult scores = lamella_run({model, rows, "-o", folder_.file("scores.npy")});
  ASSERT_EQ(scores.status, 0) << scores.err;
  const Json report = browse({{before.report, R"js(
      type(field('W1[1,1]'), '-1e-3');
      type(field('W2[1,0]'), ' .1');
      type(field('b2[3]'), '+2.5');
      type(field('W3[1,3]'), '\u221212');
      return {layers: traceOfAll(), shown: shownText('output'), cell: field('W1[1,1]').value};
  )js"}})[0];
  const std::vector<const char*> values = {"pre_activations", "activations"};
  expect_near(of_layers(report["layers"], values), of_layers(after.json["trace"]["layers"], values),
              1e-12, "values");
  const NpyFile run = read_npy(folder_.file("scores.npy"));
  expect_near(report["layers"][2]["activations"][0], run.values, 1e-6, "lamella run");
  const Json& y = after.json["trace"]["layers"][2]["activations"][0];
  EXPECT_EQ(report["shown"],
            fmt::format("y = [{:.6g}, {:.6g}]", y[0].get<double>(), y[1].get<double>()));
  EXPECT_EQ(report["cell"], "-0.001");
}

TEST_F(ReportInBrowser, IsWorkedByHand) {
  const Json report = browse(
      {{by_hand({"--row", "0,3", "--target", data_file("by_hand/expected.csv")}).report, R"js(
    const found = {};
    found.output = shownText('output');

    // A node's sum, by pointing, by focus and arrow keys.
    fire(node(1, 3), 'pointerenter');
    found.pointed = shownText('sum-text');
    node(2, 0).focus();
    press('ArrowDown');
    found.focused = document.activeElement === node(2, 1) && shownText('sum-text');
    press('ArrowLeft');
    found.left = document.activeElement.getAttribute('aria-label');
    found.stops = document.querySelectorAll('.node[tabindex="0"]').length;

    // What is no number changes nothing.
    const first = snapshot();
    const cell = field('W1[1,0]');
    for (const wrong of ['abc', '', '1,5', '1e99', '0x1', '--1', 'Infinity', '1e']) {
      cell.focus();
      cell.value = wrong;
      fire(cell, 'input');
      fire(cell, 'change');
      if (cell.getAttribute('aria-invalid') !== 'true' || snapshot() !== first) {
        throw new Error(`'${wrong}' was taken`);
      }
    }
    await wait(400);
    found.told = shownText('live');
    press('Escape');
    found.back = cell.value + cell.getAttribute('aria-invalid');

    // An edit is live; a slider's way is one change; Ctrl+Z goes back, Ctrl+Y again.
    type(cell, '-2');
    found.edited = shownText('output');
    found.edge = document.querySelector('.edge[data-layer="1"][data-unit="1"][data-from="0"]').classList.contains('negative');
    found.silenced = node(1, 1).classList.contains('silenced');
    await wait(400);
    found.live = shownText('live');
    const slider = field('input x[0], slider');
    slider.focus();
    for (const value of [1, 0.5, -0.5]) {
      slider.value = value;
      fire(slider, 'input');
    }
    fire(slider, 'change');
    found.slid = lamella.model.rows[0].inputs[0];
    found.changes = lamella.history.done.length;
    const second = snapshot();
    press('z', {ctrlKey: true});
    press('z', {ctrlKey: true});
    found.undone = snapshot() === first && cell.value;
    press('y', {ctrlKey: true});
    press('Z', {ctrlKey: true, shiftKey: true});
    found.redone = snapshot() === second;
    click('reset');
    found.reset = snapshot() === first;
    press('z', {ctrlKey: true});
    found.resetUndone = snapshot() === second;
    click('reset');

    // The other row.
    byId('row').value = 1;
    fire(byId('row'), 'change');
    found.other = shownText('output');
    fire(node(1, 2), 'pointerenter');
    found.silent = shownText('sum-more');

    // Step by step.
    click('step-first');
    found.start = [shownText('step-text'), shownText('output'), node(1, 0).classList.contains('unreached')];
    click('step-next');
    found.sum = [shownText('step-text'), shownText('sum-text'), node(1, 0).classList.contains('before')];
    found.table = document.querySelector('.layer tbody tr').lastChild.textContent;
    click('step-all');
    found.end = shownText('step-text');

    // Training goes down, and its curve says so.
    type(field('target of row 3, output h2[0]'), '2');
    found.loss = shownText('loss');
    byId('learning-rate').value = '0.01';
    fire(byId('learning-rate'), 'input');
    click('train-10');
    found.curve = shownText('curve-text');
    found.points = document.querySelector('#curve polyline').getAttribute('points').split(' ').length;
    return found;
  )js"}})[0];
  EXPECT_EQ(report["output"], "y = [7, 5]");
  EXPECT_EQ(report["pointed"], "1·2 + 0·1 + 0·3 - 1 = 1 → relu → 1");
  EXPECT_EQ(report["focused"], "0·4 + 0·3 + 1·5 + 1·1 - 1 = 5 → relu → 5");
  EXPECT_EQ(report["left"], "h1[3] = 1, z = 1");
  EXPECT_EQ(report["stops"], 1);
  EXPECT_EQ(report["told"], "1e is no number; W1[1,0] is still 1.");
  EXPECT_EQ(report["back"], "1null");
  EXPECT_EQ(report["edited"], "y = [4, 5]");
  EXPECT_EQ(report["edge"], true);
  EXPECT_EQ(report["silenced"], true);
  EXPECT_EQ(report["live"], "y = [4, 5]");
  EXPECT_EQ(report["slid"], -0.5);
  EXPECT_EQ(report["changes"], 2);
  EXPECT_EQ(report["undone"], "1");
  EXPECT_EQ(report["redone"], true);
  EXPECT_EQ(report["reset"], true);
  EXPECT_EQ(report["resetUndone"], true);
  EXPECT_EQ(report["other"], "y = [3, 0]");
  EXPECT_EQ(report["silent"], "The sum is negative: relu silences this unit.");
  EXPECT_EQ(report["start"], Json({"Step 1 of 5. x: the row, as the first layer gets it.",
                                   "y: not computed yet at this step", true}));
  EXPECT_EQ(
      report["sum"],
      Json({"Step 2 of 5. z1 = W1·x + b1: each unit of layer 1 adds up what it gets, weighted.",
            "0·(-4) + 1·2 + 1·1 + 0 = 3", true}));
  EXPECT_EQ(report["table"], "·");
  EXPECT_EQ(report["end"], "Step 5 of 5. h2 = relu(z2): negative sums become 0, others stay.");
  EXPECT_EQ(report["loss"], "L = 0.25");
  EXPECT_EQ(report["points"], 11);
  EXPECT_THAT(report["curve"].get<std::string>(),
              AllOf(HasSubstr("Loss 0.25 before the first step, "), HasSubstr(" after 10 steps.")));
}

// At the widths of a phone and of a desktop, every field has an accessible name, and the page does
// not scroll horizontally.
constexpr const char* kLayout = R"js(
  const nameless = Array.from(document.querySelectorAll('input, button, select, textarea, .scroll[tabindex]'))
      .filter((one) => !one.getAttribute('aria-label') && !one.getAttribute('aria-labelledby') && !one.labels?.length && !one.textContent.trim());
  const tables = Array.from(document.querySelectorAll('table')).filter((table) => !table.caption);
  return {excess: document.documentElement.scrollWidth - innerWidth, nameless: nameless.map((one) => one.outerHTML), tables: tables.length};
)js";

TEST_F(ReportInBrowser, FitsPhonesAndNamesItsFields) {
  const auto network = random_network({.widths = {30, 40, 20, 14}});
  const std::string name(120, 'n');
  const Network named({network->layers().begin(), network->layers().end()},
                      {.inputs = std::vector<std::string>(30, name + " " + name),
                       .outputs = {},
                       .classes = std::vector<std::string>(14, name)});
  const Matrix rows = random_rows(3, 30, 5);
  const std::string wide = html_report(named, rows, {.model = name});
  const std::string small = by_hand({"--target", "1,1"}).report;
  for (const Json& report : browse({{wide, kLayout, 390},
                                    {wide, kLayout, 1280},
                                    {small, kLayout, 390},
                                    {small, kLayout, 1280}})) {
    EXPECT_LE(report["excess"], 0);
    EXPECT_EQ(report["nameless"], Json::array());
    EXPECT_EQ(report["tables"], 0);
  }
}

TEST_F(ReportInBrowser, ShowsHostileNamesAsText) {
  const std::string hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";
  const auto plain = random_network({.widths = {2, 2}});
  const Network network({plain->layers().begin(), plain->layers().end()},
                        {.inputs = {hostile, "b"}, .outputs = {"y", hostile}, .classes = {}});
  const Json report = browse({{html_report(network, random_rows(1, 2, 5), {.model = hostile}), R"js(
    node(0, 0).focus();
    return {title: document.title, heading: shownText('model'), node: shownText('sum-title'), images: document.images.length, scripts: document.scripts.length};
  )js"}})[0];
  EXPECT_EQ(report["title"], hostile + " - lamella explain");
  EXPECT_EQ(report["heading"], hostile);
  EXPECT_EQ(report["node"], "x[0] " + hostile);
  EXPECT_EQ(report["images"], 0);
  EXPECT_EQ(report["scripts"], 4) << "data, the report's own, and two of this test";
}

TEST_F(ReportInBrowser, KeepsUpWithLargeNetworks) {
  const auto network =
      random_network({.widths = {784, 512, 512, 10}, .last = ActivationKind::kSoftmax});
  const Matrix rows = random_rows(1, 784, 5);
  const Json report = browse({{html_report(*network, rows, {.model = "m"}), R"js(
    const time = (action) => { const start = performance.now(); action(); return performance.now() - start; };
    const found = {trace: traceOfAll(), rounding: shownText('rounding'), sum: shownText('sum-text')};
    const cell = document.querySelector('.layer td.weight input');
    found.edit = Math.min(...[1, 2, 3].map((value) => time(() => { cell.value = value; fire(cell, 'input'); })));
    click('zero-targets');
    found.step = Math.min(...[1, 2, 3].map(() => time(() => click('train-1'))));
    found.head = document.querySelector('.layer th:nth-child(2)').textContent;
    field('Later inputs').click();
    found.paged = document.querySelector('.layer th:nth-child(2)').textContent !== found.head;
    type(field('Show units of layer 1 from number'), '505');
    found.last = document.querySelector('.layer tbody tr:last-child th').textContent;
    click('numpy-copy');
    found.numpy = shownText('numpy-note');
    return found;
  )js"}})[0];
  EXPECT_THAT(report["rounding"].get<std::string>(), HasSubstr("rounded to 16 bits"));
  EXPECT_THAT(report["sum"].get<std::string>(), HasSubstr(" + (504 more, together "));
  EXPECT_EQ(report["paged"], true);
  EXPECT_EQ(report["last"], "h1[511]");
  EXPECT_THAT(report["numpy"].get<std::string>(), HasSubstr("669,706 parameters, too many"));
  EXPECT_LT(report["edit"], 200);  // milliseconds, also on a busy machine
  EXPECT_LT(report["step"], 1000);
  RecordProperty("edit_ms", report["edit"].dump());
  RecordProperty("step_ms", report["step"].dump());
}

}  // namespace
}  // namespace lamella::test
