#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/activation.hpp>
#include <lamella/error.hpp>

namespace lamella {
namespace {

TEST(Activation, TextFormReadsBackAsTheSameBits) {
  for (const char* text : {"identity", "relu", "leaky_relu:0.2", "elu:1.5", "selu", "sigmoid",
                           "tanh", "gelu", "gelu_tanh", "silu", "softplus", "hard_sigmoid:0.2:0.5",
                           "hard_swish", "clip:-1:6.5", "softmax", "log_softmax"}) {
    EXPECT_EQ(to_string(parse_activation(text)), text);
  }
  const Activation third(ActivationKind::kLeakyRelu, 1.0F / 3.0F);
  EXPECT_EQ(parse_activation(to_string(third)), third);
  const Activation open(ActivationKind::kClip);
  EXPECT_EQ(parse_activation(to_string(open)), open);
}

TEST(Activation, ParametersLeftOutTakeTheirDefaults) {
  EXPECT_EQ(parse_activation("leaky_relu"), Activation(ActivationKind::kLeakyRelu, 0.01F));
  EXPECT_EQ(parse_activation("elu"), Activation(ActivationKind::kElu, 1.0F));
  EXPECT_EQ(parse_activation("hard_sigmoid:0.2"),
            Activation(ActivationKind::kHardSigmoid, 0.2F, 0.5F));
}

TEST(Activation, TakesTheUsualOtherNames) {
  EXPECT_EQ(parse_activation(" ReLU "), Activation(ActivationKind::kRelu));
  EXPECT_EQ(parse_activation("linear"), Activation(ActivationKind::kIdentity));
  EXPECT_EQ(parse_activation("swish"), Activation(ActivationKind::kSilu));
  EXPECT_EQ(parse_activation("HardSwish"), Activation(ActivationKind::kHardSwish));
  EXPECT_EQ(parse_activation("relu6"), Activation(ActivationKind::kClip, 0.0F, 6.0F));
  EXPECT_EQ(parse_activation("log-softmax"), Activation(ActivationKind::kLogSoftmax));
}

TEST(Activation, RejectsWhatItDoesNotKnowAndSaysWhatItKnows) {
  try {
    (void)parse_activation("relo");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("relo"), testing::HasSubstr("leaky_relu")));
  }
  for (const char* text : {"", "relu:1", "relu:", "clip:0:6:7", "leaky_relu:x", "leaky_relu:nan",
                           "clip:6:0", "elu:"}) {
    EXPECT_THROW((void)parse_activation(text), UsageError) << text;
  }
}

TEST(Activation, ListsAreSplitAtCommas) {
  EXPECT_THAT(parse_activations("relu, clip:0:6,identity"),
              testing::ElementsAre(Activation(ActivationKind::kRelu),
                                   Activation(ActivationKind::kClip, 0.0F, 6.0F),
                                   Activation(ActivationKind::kIdentity)));
  for (const char* text : {"", "relu,", ",relu", "relu,,relu"}) {
    EXPECT_THROW((void)parse_activations(text), UsageError) << text;
  }
}

}  // namespace
}  // namespace lamella
