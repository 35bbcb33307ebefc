import tseslint from "typescript-eslint";

/** What only `src/clock.ts` may touch: the engine is a state machine without a clock, so that it can be simulated. */
const outsideTheClock = [
  { object: "Date", property: "now", message: "Take a Clock." },
  { object: "Math", property: "random", message: "Take a Clock." },
  { object: "performance", property: "now", message: "Take a Clock." },
];
const timers = ["setTimeout", "setInterval", "setImmediate"].map((name) => ({ name, message: "Take a Clock." }));

export default tseslint.config(
  { ignores: ["dist/**", "node_modules/**", "bench/results/**", "bench/peers/**", "test/fixtures/broken/**", "test/package/project/**"] },
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "max-lines": ["error", { max: 300 }],
      "max-lines-per-function": ["error", { max: 80, skipComments: true }],
      "max-params": ["error", { max: 3 }],
      "no-console": "error",
      eqeqeq: "error",
      "no-restricted-properties": ["error", ...outsideTheClock],
      "no-restricted-globals": ["error", ...timers],
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "Named exports only." },
        { selector: "ExportAllDeclaration", message: "Named exports only." },
      ],
      "@typescript-eslint/consistent-type-imports": "error",
      // A promise left alone on purpose is written `void promise`.
      "@typescript-eslint/no-floating-promises": "error",
      // Numbers in messages are clear without String().
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // Both styles read well, and `() => void call()` says that a value is dropped.
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/no-meaningless-void-operator": "off",
      // Left out of an object on purpose, or part of a signature.
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true, argsIgnorePattern: "^_" }],
      // Storage and pools are async by contract, whether or not one implementation awaits.
      "@typescript-eslint/require-await": "off",
      // `catch (error: unknown)` and rejections of foreign values are part of what is tested.
      "@typescript-eslint/prefer-promise-reject-errors": "off",
      "@typescript-eslint/only-throw-error": "off",
    },
  },
  { files: ["src/clock.ts"], rules: { "no-restricted-properties": "off", "no-restricted-globals": "off" } },
  {
    // Tools, tests and examples print, time things and export what their runner wants.
    files: ["test/**", "bench/**", "examples/**", "*.config.ts", "*.config.js"],
    rules: {
      "no-console": "off",
      "no-restricted-properties": "off",
      "no-restricted-globals": "off",
      "no-restricted-syntax": "off",
      "max-lines-per-function": "off",
      // Flags that callbacks set look constant to it after an `await`.
      "@typescript-eslint/no-unnecessary-condition": "off",
      // Isolated declarations want the type on the left.
      "@typescript-eslint/consistent-generic-constructors": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-empty-function": "off",
    },
  },
  {
    // Code that must not compile has types that cannot be told, and values that are only looked at for their types.
    files: ["test/types/**"],
    rules: {
      "@typescript-eslint/no-unused-vars": "off",
      "@typescript-eslint/no-unused-expressions": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  { files: ["workers/entry.ts"], rules: { "no-restricted-syntax": "off" } },
);
